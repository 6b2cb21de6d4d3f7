"""Entries of the log that a file brought: which stand, which were touched since, and how they are withdrawn."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from crm.importing.journals import Touch
from crm.models import Import, ImportRow, Interaction
from crm.services.interactions import NewInteraction, correction_of, record_interactions

MOST_TURNS = 50


def standing_entries(entries: Sequence[NewInteraction]) -> list[bool]:
    """Whether each is in the log and was not withdrawn.

    One that was withdrawn can be told anew: it gets the next free id of its kind, `…~2`, as the log only grows.
    """
    stands = [False] * len(entries)
    bases = [entry.external_id for entry in entries]
    open_ones = list(range(len(entries)))
    for turn in range(2, MOST_TURNS):
        found = _find([entries[index] for index in open_ones])
        withdrawn = _withdrawn(list(found.values()))
        still_open = []
        for index in open_ones:
            pk = found.get(_key(entries[index]))
            if pk is None:
                continue
            if pk not in withdrawn:
                stands[index] = True
                continue
            entries[index].external_id = f"{bases[index]}~{turn}"
            still_open.append(index)
        if not still_open:
            break
        open_ones = still_open
    return stands


def _key(entry: NewInteraction) -> tuple[int, str, str]:
    return (entry.family_id, entry.external_id, entry.interaction_type)


def _find(entries: Sequence[NewInteraction]) -> dict[tuple[int, str, str], int]:
    if not entries:
        return {}
    rows = Interaction.objects.filter(
        family__in={entry.family_id for entry in entries},
        external_system=entries[0].external_system,
        external_id__in={entry.external_id for entry in entries},
    ).order_by()
    return {
        (row[0], row[1], row[2]): row[3]
        for row in rows.values_list("family_id", "external_id", "interaction_type", "pk")
    }


def _withdrawn(ids: Sequence[int]) -> set[int]:
    """Those of these entries that a correction took back."""
    return {pk for pk, metadata in _corrections(ids) if metadata.get("withdrawn")}


def _corrections(ids: Sequence[int]) -> list[tuple[int, dict[str, object]]]:
    if not ids:
        return []
    families = Interaction.objects.filter(pk__in=ids).values("family")
    found = Interaction.objects.filter(
        family__in=families, interaction_type="correction", in_reply_to__in=[str(pk) for pk in ids]
    ).order_by()
    return [(int(pk), metadata) for pk, metadata in found.values_list("in_reply_to", "metadata")]


def touches_of_entries(rows: Sequence[ImportRow]) -> list[Touch]:
    """Rows whose entry of the log was corrected or withdrawn since, or is gone."""
    by_entry = {row.written["entry"]: row for row in rows if row.written.get("entry")}
    there = set(Interaction.objects.filter(pk__in=by_entry).values_list("pk", flat=True))
    found = [Touch(row, _("the entry is no longer there")) for pk, row in by_entry.items() if pk not in there]
    corrected = {pk for pk, _metadata in _corrections(list(by_entry))}
    return found + [Touch(by_entry[pk], _("the entry was corrected or taken back")) for pk in sorted(corrected)]


def untouched(rows: Sequence[ImportRow], touches: Sequence[Touch]) -> list[ImportRow]:
    """Rows that nothing else has touched."""
    touched = {touch.row.pk for touch in touches}
    return [row for row in rows if row.pk not in touched]


def withdraw_entries(run: Import, rows: Sequence[ImportRow]) -> None:
    """Write the corrections that take these rows' entries back."""
    ids = [row.written["entry"] for row in rows if row.written.get("entry")]
    entries = Interaction.objects.filter(pk__in=ids).order_by("pk")
    reason = _("import taken back: %s") % run.name
    record_interactions([correction_of(one, reason=reason, by_id=run.asked_by_id) for one in entries], live=False)
