"""Families as rows of their people, in the columns that the import reads: what goes out comes in unchanged."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from crm.attributes import attribute_fields, check_attributes
from crm.consent import standing
from crm.errors import Invalid
from crm.importing.address_columns import EXTRA, WHOLE
from crm.importing.cells import defuse, together, undefuse
from crm.importing.columns import CONSENT_COLUMNS, OWN, columns_of
from crm.models import AttributeField, Consent, ContactPoint, Family, Member, Topic

FAMILIES_AT_ONCE = 500


def headings() -> list[str]:
    """The columns of the file: all that an import knows but those that bring further addresses."""
    return [column.name for column in columns_of("families") if column.name not in EXTRA]


def family_rows(families: QuerySet[Family]) -> Iterator[list[str]]:
    """One row for each person, in the order of the list; a family without people has a row of its own.

    Each batch of families costs six queries, whatever is in it.
    """
    topic, names, own = Topic.objects.filter(slug="marketing").first(), headings(), attribute_fields()
    after: tuple[str, int] | None = None
    listed = families.order_by("name", "id").select_related("stated").prefetch_related("tags")
    while batch := list(_behind(listed, after)[:FAMILIES_AT_ONCE]):
        for cells in _rows_of(batch, topic, own):
            yield [cells.get(name, "") for name in names]
        after = (batch[-1].name, batch[-1].pk)


def _behind(families: QuerySet[Family], after: tuple[str, int] | None) -> QuerySet[Family]:
    if after is None:
        return families
    name, pk = after
    return families.filter(name__gte=name).exclude(name=name, pk__lte=pk)


def _rows_of(
    families: Sequence[Family], topic: Topic | None, own: Sequence[AttributeField]
) -> Iterator[dict[str, str]]:
    ids = [family.pk for family in families]
    members, points = defaultdict(list), defaultdict(list)
    for member in Member.objects.filter(family__in=ids).order_by("id"):
        members[member.family_id].append(member)
    for point in ContactPoint.objects.filter(family__in=ids).order_by("-is_primary", "id"):
        points[point.family_id, point.member_id].append(point)
    ledger = _Ledger(ids, [point for some in points.values() for point in some], topic)
    for family in families:
        cells = _family_cells(family, own) | _addresses(points[family.pk, None], of_family=True)
        for member in members[family.pk]:
            mine = points[family.pk, member.pk]
            person = {"member_name": member.name, "member_ref": member.external_ref or "", "role": member.role}
            yield cells | person | _addresses(mine, of_family=False) | ledger.cells(family.pk, member, mine)
        if not members[family.pk]:
            yield cells


def _family_cells(family: Family, own: Sequence[AttributeField]) -> dict[str, str]:
    stated = getattr(family, "stated", None)
    wish = stated.preferred_channel if stated else ""
    cells = {
        "family_ref": family.external_ref,
        "family_name": family.name,
        "time_zone": family.time_zone,
        "language": family.language,
        "stage": family.stage,
        "tags": together(tag.name for tag in family.tags.all()),
        "preferred_channel": wish,
        "preferred_since": stated.recorded_at.isoformat(timespec="seconds") if stated and wish else "",
    }
    values = family.attributes
    return cells | {f"{OWN}{field.key}": _own_cell(field, values[field.key]) for field in own if field.key in values}


def _own_cell(field: AttributeField, value: Any) -> str:
    """A value as the import would read it; empty, which says nothing, where it would read something else.

    What was kept before the field was declared may be of another kind.
    """
    cell = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    try:
        read = check_attributes({field.key: undefuse(defuse(cell))}, [field])[field.key]
    except Invalid:
        return ""
    return cell if read == value and type(read) is type(value) else ""


def _addresses(points: Iterable[ContactPoint], *, of_family: bool) -> dict[str, str]:
    """All addresses of a channel in one cell, and their labels in another where there are any."""
    found: dict[str, list[ContactPoint]] = defaultdict(list)
    for point in points:
        found[point.channel].append(point)
    cells = {}
    for column in WHOLE:
        if column.of_family == of_family and (some := found[column.channel]):
            cells[column.name] = together(point.value for point in some)
            labels = [point.label if point.label == point.label.strip() else "" for point in some]
            cells[column.label_column] = together(labels) if any(labels) else ""
    return cells


class _Ledger:
    """What stands of consent to marketing, for a batch of families."""

    def __init__(self, ids: Sequence[int], points: Sequence[ContactPoint], topic: Topic | None) -> None:
        self._topic = topic
        self._family: dict[int, list[Consent]] = defaultdict(list)
        self._address: dict[str, list[Consent]] = defaultdict(list)
        for record in Consent.objects.filter(family__in=ids).order_by("recorded_at", "id"):
            self._family[record.family_id or 0].append(record)
        values = {point.value for point in points if point.channel in CONSENT_COLUMNS.values()}
        for record in Consent.objects.filter(family=None, address__in=values).order_by("recorded_at", "id"):
            self._address[record.address].append(record)

    def cells(self, family_id: int, member: Member, points: Sequence[ContactPoint]) -> dict[str, str]:
        """yes, no, or nothing where nobody was asked."""
        if self._topic is None:
            return {}
        cells = {}
        for name, channel in CONSENT_COLUMNS.items():
            address = next((point.value for point in points if point.channel == channel), "")
            records = [*self._family[family_id], *self._address[address]]
            granted = standing(
                records, member_id=member.pk, address=address, channel=channel, topic_id=self._topic.pk
            ).granted
            cells[name] = "" if granted is None else "yes" if granted else "no"
        return cells
