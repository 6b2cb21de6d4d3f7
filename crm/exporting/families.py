"""Families as rows of their people, in the columns that the import reads: what goes out comes in unchanged."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from django.db.models import QuerySet

from crm.consent import standing
from crm.importing.columns import ADDRESS_COLUMNS, CONSENT_COLUMNS, FAMILY_ADDRESS_COLUMNS, names_of
from crm.models import Consent, ContactPoint, Family, Member, Topic

FAMILIES_AT_ONCE = 500
HEADINGS = names_of("families")


def family_rows(families: QuerySet[Family]) -> Iterator[list[str]]:
    """One row for each person, in the order of the list; a family without people has a row of its own.

    Each batch of families costs six queries, whatever is in it.
    """
    topic = Topic.objects.filter(slug="marketing").first()
    after: tuple[str, int] | None = None
    listed = families.order_by("name", "id").select_related("stated").prefetch_related("tags")
    while batch := list(_behind(listed, after)[:FAMILIES_AT_ONCE]):
        yield from _rows_of(batch, topic)
        after = (batch[-1].name, batch[-1].pk)


def _behind(families: QuerySet[Family], after: tuple[str, int] | None) -> QuerySet[Family]:
    if after is None:
        return families
    name, pk = after
    return families.filter(name__gte=name).exclude(name=name, pk__lte=pk)


def _rows_of(families: Sequence[Family], topic: Topic | None) -> Iterator[list[str]]:
    ids = [family.pk for family in families]
    members, points = defaultdict(list), defaultdict(list)
    for member in Member.objects.filter(family__in=ids).order_by("id"):
        members[member.family_id].append(member)
    for point in ContactPoint.objects.filter(family__in=ids).order_by("-is_primary", "id"):
        points[point.family_id, point.member_id].append(point)
    ledger = _Ledger(ids, [point for some in points.values() for point in some], topic)
    for family in families:
        cells = _family_cells(family, points[family.pk, None])
        for member in members[family.pk]:
            mine = points[family.pk, member.pk]
            yield _row({**cells, **_member_cells(member, mine), **ledger.cells(family.pk, member, mine)})
        if not members[family.pk]:
            yield _row(cells)


def _row(cells: dict[str, str]) -> list[str]:
    return [cells.get(name, "") for name in HEADINGS]


def _family_cells(family: Family, points: Sequence[ContactPoint]) -> dict[str, str]:
    stated = getattr(family, "stated", None)
    cells = {
        "family_ref": family.external_ref,
        "family_name": family.name,
        "time_zone": family.time_zone,
        "language": family.language,
        "stage": family.stage,
        "tags": "; ".join(tag.name for tag in family.tags.all()),
        "preferred_channel": stated.preferred_channel if stated else "",
    }
    return cells | {name: _values(points, channel) for name, channel in FAMILY_ADDRESS_COLUMNS.items()}


def _member_cells(member: Member, points: Sequence[ContactPoint]) -> dict[str, str]:
    cells = {"member_name": member.name, "member_ref": member.external_ref or "", "role": member.role}
    return cells | {name: _values(points, name) for name in ADDRESS_COLUMNS}


def _values(points: Iterable[ContactPoint], channel: str) -> str:
    """All addresses of a channel in one cell; an account may hold a semicolon, so only the first of those goes."""
    values = [point.value for point in points if point.channel == channel]
    return "; ".join(values[:1] if channel == "portal" else values)


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
