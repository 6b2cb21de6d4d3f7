"""Somebody goes, and with them what they said: what they refused stays with the address at which they refused it."""

from collections import defaultdict

from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.consent import BINDING, standing
from crm.enums import Channel, ConsentSource
from crm.models import Consent, ContactPoint, Topic
from crm.news import announce
from crm.services.changes import note_made


def bind_refused(
    *,
    points: QuerySet[ContactPoint, ContactPoint],
    by_id: int | None,
    reason: str,
    source: str = ConsentSource.STAFF,
    family_goes: bool = False,
) -> list[int]:
    """Withdraw for these addresses what stands refused there, before their people go; answers the new records.

    They are records of the family; where that goes too, they bind the address wherever it comes to stand.
    """
    going = list(points.filter(channel__in=Channel.values).order_by("pk"))
    if not going:
        return []
    said = _said(going)
    made: list[Consent] = []
    # The widest first: one record on all topics may settle each of them.
    for topic_id in (None, *Topic.objects.order_by("pk").values_list("pk", flat=True)):
        for point in going:
            records = [*said[point.family_id, ""], *said[None, point.value]]
            left = [one for one in records if _stays(one, point, family_goes)]
            if _refused(records, point, topic_id) and not _refused(left, point, topic_id):
                record = Consent(
                    family_id=None if family_goes else point.family_id,
                    address=point.value,
                    channel=point.channel,
                    topic_id=topic_id,
                    granted=False,
                    source=source,
                    recorded_by_id=by_id,
                    recorded_at=timezone.now(),
                    evidence=reason,
                )
                made.append(record)
                said[(None, point.value) if family_goes else (point.family_id, "")].append(record)
    Consent.objects.bulk_create(made)
    note_made(made, "address", "channel", "granted", "source")
    if made:
        announce("consent_changed", ids=[one.pk for one in made])
    return [one.pk for one in made]


def _said(going: list[ContactPoint]) -> dict[tuple[int | None, str], list[Consent]]:
    """Records of the families, and those that bind an address in any family."""
    families = {one.family_id for one in going}
    found: dict[tuple[int | None, str], list[Consent]] = defaultdict(list)
    bound = Q(address__in={one.value for one in going}) & (Q(family=None) | Q(source__in=BINDING))
    for record in Consent.objects.filter(Q(family__in=families) | bound):
        found[(record.family_id, "") if record.family_id in families else (None, record.address)].append(record)
    return found


def _stays(record: Consent, point: ContactPoint, family_goes: bool) -> bool:
    if family_goes:
        return record.family_id != point.family_id
    return bool(record.address) or record.member_id is None or record.member_id != point.member_id


def _refused(records: list[Consent], point: ContactPoint, topic_id: int | None) -> bool:
    found = standing(records, member_id=point.member_id, address=point.value, channel=point.channel, topic_id=topic_id)
    return found.granted is False
