"""Takes a families import back: all that its journals tell and that nothing else has touched."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from crm.attributes import merge_attributes
from crm.enums import ConsentSource
from crm.importing.journals import Touch, Written
from crm.importing.wishes import take_back_grants
from crm.models import ContactPoint, Family, Import, ImportRow, Member, StatedPreference
from crm.news import announce
from crm.services.changes import note_changes
from crm.services.households.binding import bind_refused
from crm.services.people import refresh_family_text


def undo_families(run: Import, rows: Sequence[ImportRow], touches: Sequence[Touch]) -> None:
    """Take back what these journals tell but for what was touched; new families go with all that is theirs."""
    written = Written(rows).without(touches)
    _keep_refused(run, written)
    ImportRow.objects.filter(family__in=written.new_families).update(family=None)
    Family.objects.filter(pk__in=written.new_families).delete()
    ContactPoint.objects.filter(pk__in=written.points).delete()
    Member.objects.filter(pk__in=written.members).delete()
    _restore(Family, written.kept("fields"))
    _restore(Member, written.told("member_fields"))
    _restore(ContactPoint, written.told("point_fields"))
    _restore_attributes(written.kept("attributes"))
    for family_id, tags in written.kept("tags").items():
        Family.tags.through.objects.filter(family=family_id, tag__in=tags).delete()
    _restore_preferences(written.kept("preference"))
    take_back_grants(run, [pk for ids in written.kept("consents").values() for pk in ids])
    refresh_family_text(family_ids=[pk for pk in written.row_of_family if pk not in set(written.new_families)])


def _keep_refused(run: Import, written: Written) -> None:
    """What the file withdrew stays withdrawn for the addresses, though families and people go."""
    families, people = list(written.new_families), list(written.members)
    reason = _("Stays withdrawn: the import was taken back.")
    for points, family_goes in (
        (ContactPoint.objects.filter(family__in=families), True),
        (ContactPoint.objects.filter(member__in=people).exclude(family__in=families), False),
    ):
        bind_refused(
            points=points, by_id=run.asked_by_id, reason=reason, source=ConsentSource.IMPORT, family_goes=family_goes
        )


def _restore(model: type[models.Model], changes: Mapping[int, Mapping[str, Sequence[Any]]]) -> None:
    rows = model._base_manager.in_bulk([pk for pk, pairs in changes.items() if pairs])
    for pk, row in rows.items():
        for name, (before, _after) in changes[pk].items():
            setattr(row, name, before)
    if rows:
        names = sorted({name for pk in rows for name in changes[pk]})
        model._base_manager.bulk_update(list(rows.values()), names, batch_size=200)
        note_changes(changed=[(row, _turned(changes[pk])) for pk, row in rows.items()])


def _turned(pairs: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, Any]]:
    return {name: (after, before) for name, (before, after) in pairs.items()}


def _restore_attributes(changes: Mapping[int, Mapping[str, Sequence[Any]]]) -> None:
    rows = Family.objects.in_bulk(list(changes))
    pairs = []
    for pk, family in rows.items():
        now = family.attributes
        family.attributes = merge_attributes(now, {key: before for key, (before, _after) in changes[pk].items()})
        pairs.append((family, {"attributes": (now, family.attributes)}))
    if rows:
        Family.objects.bulk_update(list(rows.values()), ["attributes"], batch_size=200)
        note_changes(changed=pairs)


def _restore_preferences(changes: Mapping[int, Mapping[str, Any]]) -> None:
    """What was stated before the file came, with who said it and when."""
    before = {pk: told["before"] for pk, told in changes.items()}
    StatedPreference.objects.filter(family__in=[pk for pk, told in before.items() if told is None]).delete()
    names = ["preferred_channel", "said_by", "recorded_by_id", "recorded_at", "from_file"]
    rows = StatedPreference.objects.in_bulk([pk for pk, told in before.items() if told is not None])
    for pk, row in rows.items():
        for name in names:
            value = before[pk][name]
            setattr(row, name, parse_datetime(value) if name == "recorded_at" else value)
    StatedPreference.objects.bulk_update(
        list(rows.values()), [name.removesuffix("_id") for name in names], batch_size=200
    )
    if changes:
        announce("preferences_changed", ids=sorted(changes))
