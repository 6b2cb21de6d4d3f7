"""Who a family is: people, how to reach them, what they agreed to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _

from crm.addresses import pretty_address
from crm.consent import BINDING, Standing, standing
from crm.enums import Channel, ConsentSource, ContactChannel
from crm.models import Consent, ContactPoint, Family, Member, Topic
from crm.selectors.evidence import last_worked
from crm.selectors.kept import Kept, kept_refusals
from crm.selectors.timeline.cards import State, some_of

Shared = dict[str, dict[int | None, str]]
PEOPLE_SHOWN = 5
OTHERS_READ = 50
PEOPLE_READ = 500
NUMBERS = ("phone", "sms", "whatsapp", "rcs")
_BARRED_ICONS = {"email": "mail-x", "phone": "phone-off", "push": "bell-off"}
_ALWAYS_ASKED = ("email", "sms", "phone")
_ASKED = ("email", "sms", "whatsapp", "rcs", "push", "portal", "phone")
_SELDOM_ASKED = ("push", "portal")


@dataclass(frozen=True, slots=True)
class Address:
    """One address with the channels it serves, whether it works, and what may not go there."""

    text: str
    link: str
    channels: list[str]
    broken: bool
    states: list[State]
    id: int
    label: str = ""
    also: str = ""
    """Who else is reached there: other people of the family, and other families."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member, or (no name) the household, with addresses."""

    name: str
    note: str
    addresses: list[Address]
    id: int = 0


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """What holds for one topic, a cell per channel."""

    topic: str
    cells: list[tuple[str, State]]

    @property
    def sentence(self) -> str:
        """The row in words, for screens without room for a table: yes by Email; no by SMS; nobody asked about Phone."""
        said = ((_("yes by %s"), "ok"), (_("no by %s"), "bad"), (_("nobody asked about %s"), ""))
        parts = [
            words % ", ".join(str(Channel(channel).label) for channel, cell in self.cells if cell.css == css)
            for words, css in said
            if any(cell.css == css for _channel, cell in self.cells)
        ]
        return "; ".join(parts) + "."


@dataclass(frozen=True, slots=True)
class Agreement:
    """Topics by channels for the main contact; `last_change` in words."""

    whose: str
    channels: list[str]
    rows: list[ConsentRow]
    last_change: str
    open_topics: str
    """Topics that go unless withdrawn, where nobody asked."""
    kept: list[Kept]
    """Refusals at addresses of people who were taken out."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The head of a family's page."""

    people: list[Person]
    more_people: list[Person]
    children: list[Member]
    agreement: Agreement

    @property
    def is_empty(self) -> bool:
        """Nobody and no address is known."""
        return not (self.people or self.children)


def read_profile(family: Family) -> Profile:
    """The head of a family's page, in five queries however many people and records."""
    members = list(family.members.order_by("id")[:PEOPLE_READ])
    points = list(family.contact_points.select_related("member").order_by("-is_primary", "id"))
    worked = last_worked(family, points)
    for point in points:
        point.last_ok_at = worked.get(point.pk)
    records = _records(family, points)
    main, shared = _main_contact(members, points), _shared(family, points)
    held: dict[int | None, list[ContactPoint]] = {}
    for point in points:
        held.setdefault(point.member_id, []).append(point)
    people = [_person(one, held.get(one.pk, []), records, main, shared) for one in _by_weight(members, held, main)]
    if None in held:
        people.append(Person("", "", _addresses(held[None], None, records, shared)))
    return Profile(
        people=people[:PEOPLE_SHOWN],
        more_people=people[PEOPLE_SHOWN:],
        children=[one for one in members if one.is_child and one.pk not in held],
        agreement=_agreement(main, points, records),
    )


def _records(family: Family, points: Sequence[ContactPoint]) -> list[Consent]:
    """The family's own records, and those that bind one of its addresses wherever it stands."""
    addresses = {point.value for point in points}
    found = Consent.objects.filter(Q(family=family) | Q(address__in=addresses)).select_related("recorded_by")
    return [one for one in found if one.family_id in (None, family.pk) or one.source in BINDING]


def _main_contact(members: Sequence[Member], points: Sequence[ContactPoint]) -> Member | None:
    for point in points:
        if point.is_primary and point.is_valid and point.member is not None and not point.member.is_child:
            return point.member
    return next((one for one in members if not one.is_child), None)


def _by_weight(members: Iterable[Member], held: dict, main: Member | None) -> list[Member]:
    """Adults and whoever has an address; the main contact first."""
    shown = [one for one in members if not one.is_child or one.pk in held]
    return sorted(shown, key=lambda one: (main is None or one.pk != main.pk, one.is_child, one.pk))


def _shared(family: Family, points: Sequence[ContactPoint]) -> Shared:
    """Who holds each address: the family's own people, and the names of other families (a few of them)."""
    shared: Shared = {}
    for point in points:
        shared.setdefault(point.value, {})[point.member_id] = point.member.name if point.member else ""
    values = {point.value for point in points if point.channel not in (Channel.PORTAL, Channel.PUSH)}
    others = ContactPoint.objects.filter(value__in=values).exclude(family=family).order_by("family_id")
    for value, family_id, name in others.values_list("value", "family_id", "family__name").distinct()[:OTHERS_READ]:
        # Below nought, as no person has such a number.
        shared[value][-family_id] = name
    return shared


def _person(
    member: Member, points: list[ContactPoint], records: list[Consent], main: Member | None, shared: Shared
) -> Person:
    note = str(member.get_role_display()).lower()
    if main is not None and member.pk == main.pk:
        note = _("%s, main contact") % note
    return Person(member.name, note, _addresses(points, member.pk, records, shared), member.pk)


def _addresses(
    points: Iterable[ContactPoint], member_id: int | None, records: list[Consent], shared: Shared
) -> list[Address]:
    """One line an address: a number that rings, texts and chats is one number."""
    same: dict[tuple[bool, str], list[ContactPoint]] = {}
    for point in points:
        same.setdefault((point.channel in NUMBERS, point.value), []).append(point)
    return [_address(group, member_id, records, shared) for group in same.values()]


def _address(points: list[ContactPoint], member_id: int | None, records: list[Consent], shared: Shared) -> Address:
    order = [*Channel.values, ContactChannel.POSTAL.value]
    points = sorted(points, key=lambda one: order.index(one.channel))
    first = points[0]
    broken = all(not point.is_valid for point in points)
    states = _validity(points)
    for point in points:
        stands = standing(records, member_id=member_id, address=point.value, channel=point.channel, topic_id=None)
        if stands.granted is False:
            states.append(_barred(point.channel, stands))
    also = [name for other, name in shared.get(first.value, {}).items() if other != member_id and name]
    return Address(
        text=_shown(first),
        link=_link(first, points),
        channels=[point.channel for point in points],
        broken=broken,
        states=states,
        id=first.pk,
        label=", ".join(dict.fromkeys(point.label for point in points if point.label)),
        also=some_of(also, 3),
    )


def _shown(point: ContactPoint) -> str:
    if point.channel in (Channel.PORTAL, Channel.PUSH):
        return _("Portal account") if point.channel == Channel.PORTAL else point.label or _("Web push")
    return pretty_address(point.channel, point.value)


def _link(first: ContactPoint, points: Iterable[ContactPoint]) -> str:
    if first.channel == Channel.EMAIL:
        return f"mailto:{first.value}"
    if first.channel in NUMBERS and any(one.channel in ("phone", "sms") and one.is_valid for one in points):
        return f"tel:{first.value}"
    return ""


def _validity(points: Sequence[ContactPoint]) -> list[State]:
    states = []
    several = len(points) > 1
    for point in points:
        if not point.is_valid:
            word = f"{Channel(point.channel).label}: " if several and point.channel in Channel.values else ""
            since = f", {short(timezone.localdate(point.invalid_since))}" if point.invalid_since else ""
            reason = (point.invalid_reason or _("does not work"))[:80]
            states.append(State("bad", _BARRED_ICONS.get(point.channel, "circle-x"), f"{word}{reason}{since}"))
    worked = max((point.last_ok_at for point in points if point.is_valid and point.last_ok_at), default=None)
    if worked is not None:
        states.append(State("ok", "circle-check", _("works, %s") % short(timezone.localdate(worked))))
    return states


def _barred(channel: str, stands: Standing) -> State:
    record = stands.record
    when = short(timezone.localdate(record.recorded_at)) if record else ""
    word = Channel(channel).label if channel in Channel.values else _("post")
    words = _("no %(channel)s, since %(when)s") % {"channel": word, "when": when}
    return State("", _BARRED_ICONS.get(channel, "message-off"), words)


def language_words(code: str) -> str:
    """The language in words; one that Django cannot name keeps its code."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


def short(day: date) -> str:
    """11 Nov; with the year where it is another one."""
    return date_format(day, "j M" if day.year == timezone.localdate().year else "j M Y")


def _agreement(main: Member | None, points: Sequence[ContactPoint], records: list[Consent]) -> Agreement:
    topics = list(Topic.objects.order_by("kind", "name")[:12])
    address: dict[str, str] = {}
    for point in points:
        if main is None or point.member_id in (None, main.pk):
            address.setdefault(point.channel, point.value)
    named = {record.channel for record in records}
    held = {one for one in address if one not in _SELDOM_ASKED}
    channels = [one for one in _ASKED if one in named | held or one in _ALWAYS_ASKED]
    member_id = main.pk if main else None

    def stands(channel: str, topic: Topic) -> Standing:
        return standing(
            records, member_id=member_id, address=address.get(channel, ""), channel=channel, topic_id=topic.pk
        )

    rows = [ConsentRow(one.name, [(channel, _cell(stands(channel, one))) for channel in channels]) for one in topics]
    return Agreement(
        whose=main.first_name if main else "",
        channels=channels,
        rows=rows,
        last_change=_last_change(records),
        kept=kept_refusals(records, [point.value for point in points], {one.pk: one.name for one in topics}),
        open_topics=", ".join(one.name for one in topics if one.kind == "transactional"),
    )


def _cell(stands: Standing) -> State:
    if stands.granted is None:
        return State("", "minus", _("Not asked"))
    return State("ok", "check", _("Yes")) if stands.granted else State("bad", "x", _("No"))


def _last_change(records: Iterable[Consent]) -> str:
    last = max(records, key=lambda one: (one.recorded_at, one.pk), default=None)
    if last is None:
        return ""
    words = {"when": short(timezone.localdate(last.recorded_at)), "what": last.words}
    if last.recorded_by:
        words["by"] = last.recorded_by.first_name or last.recorded_by.get_username()
        return _("Last changed on %(when)s by %(by)s: %(what)s.") % words
    words["how"] = str(_SOURCES.get(last.source, last.source))
    return _("Last changed on %(when)s %(how)s: %(what)s.") % words


_SOURCES = {
    ConsentSource.STAFF.value: gettext_lazy("by staff"),
    ConsentSource.IMPORT.value: gettext_lazy("by an import"),
    ConsentSource.API.value: gettext_lazy("through the API"),
    ConsentSource.PREFERENCES.value: gettext_lazy("on their preference page"),
    ConsentSource.STOP_WORD.value: gettext_lazy("by texting STOP"),
    ConsentSource.START_WORD.value: gettext_lazy("by texting START"),
    ConsentSource.COMPLAINT.value: gettext_lazy("by reporting spam"),
    ConsentSource.ONE_CLICK.value: gettext_lazy("by one-click unsubscribe"),
    ConsentSource.DEMO.value: gettext_lazy("in the demo data"),
}
