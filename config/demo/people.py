"""Plans the demo's households in memory, each from a generator of its own."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from zoneinfo import ZoneInfo

from config.demo.names import CHILDREN, ORIGINS, Origin, Surname, draw_surnames
from crm.enums import Role, Stage

TAGS = (
    "Tuesday group", "Forest school", "Sibling discount", "Volunteer: kitchen", "Volunteer: lifts",
    "Exam candidates", "New this year", "Bursary",
)  # fmt: skip
ABROAD = ("Europe/Madrid", "Europe/Stockholm", "Africa/Lagos", "America/New_York", "Asia/Dubai", "Europe/Dublin")
AREAS = ("Easton", "Bedminster", "St George", "Southville", "Fishponds", "Horfield", "Knowle", "Clifton", "Brislington")
DOMAINS = ("example.org", "mail.example.org", "post.example", "home.example")
MOBILES = 100_000
LANDLINES = 1_000
FEWEST_FOR_WAITING = 10


@dataclass(slots=True)
class PlannedPoint:
    channel: str
    value: str
    label: str = ""
    broken: str = ""
    """Why it does not work; empty where it does."""
    broken_days_ago: int = 0


@dataclass(slots=True)
class PlannedMember:
    name: str
    role: str
    points: list[PlannedPoint] = field(default_factory=list)
    id: int = 0

    @property
    def first_name(self) -> str:
        return self.name.split(" ")[0]

    @property
    def channels(self) -> set[str]:
        """Channels on which this person can be reached."""
        return {point.channel for point in self.points if not point.broken}


@dataclass(slots=True)
class PlannedFamily:
    """A household as the demo imagines it; ids are filled in once it is stored."""

    number: int
    reference: str
    surname: str
    members: list[PlannedMember]
    time_zone: str
    language: str
    stage: str
    tags: list[str]
    area: str
    part: str = ""
    """The part that a scripted household plays; empty for everybody else."""
    waits: str = ""
    """How it wrote to us lately and still waits for an answer; empty for most."""
    stopped_days_ago: int = 0
    """When it answered STOP to a text; nought for most."""
    id: int = 0

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def adults(self) -> list[PlannedMember]:
        return [one for one in self.members if one.role == Role.GUARDIAN]

    @property
    def children(self) -> list[PlannedMember]:
        return [one for one in self.members if one.role != Role.GUARDIAN]

    def holders(self, channel: str) -> list[PlannedMember]:
        """Adults with a working address on the channel, first the main contact."""
        return [one for one in self.adults if channel in one.channels]

    @property
    def channels(self) -> set[str]:
        """Channels on which an adult of the family can be reached."""
        return set().union(*(one.channels for one in self.adults))


class AddressBook:
    """Hands out addresses so that no two households share one.

    Mobile numbers begin with the thousand that Ofcom keeps for drama, 07700 900000 to 900999, and go on inside
    07700 9xxxxx: numbers that read as ours do, yet libphonenumber knows no valid one among them in any country.
    Landlines are Ofcom's for drama in Bristol, 0117 496 0000 to 0999; after a thousand nobody has one.
    """

    def __init__(self) -> None:
        self._mobiles = 0
        self._landlines = 0
        self._emails: dict[str, int] = {}

    def mobile(self) -> str:
        """The next mobile number; stepping by a prime lets neighbours differ in more than the last digit."""
        block, place = divmod(self._mobiles, 1000)
        self._mobiles += 1
        return f"+4477009{block:02d}{(place * 617 + 142) % 1000:03d}"

    def landline(self) -> str | None:
        """The next number of a house, or None where they are used up."""
        if self._landlines >= LANDLINES:
            return None
        self._landlines += 1
        return f"+44117496{self._landlines * 389 % 1000:04d}"

    def email(self, name: str, domain: str) -> str:
        """An address made of the name, with a number where it is taken."""
        plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
        local = ".".join("".join(c for c in word if c.isalnum() or c == "-") for word in plain.split())
        taken = self._emails.get(f"{local}@{domain}", 0)
        self._emails[f"{local}@{domain}"] = taken + 1
        return f"{local}{taken + 1 if taken else ''}@{domain}"


def plan_ordinary(numbers: Sequence[int], seed: int, book: AddressBook) -> list[PlannedFamily]:
    """One household per number."""
    surnames = draw_surnames(Random(f"{seed}:surnames"), len(numbers))  # noqa: S311 - made-up people
    families = [
        _plan(number, surname, Random(f"{seed}:{number}"), book)  # noqa: S311 - made-up people
        for number, surname in zip(numbers, surnames, strict=True)
    ]
    for family in families:
        _newer_ways(family, Random(f"{seed}:{family.number}:ways"))  # noqa: S311 - made-up people
    _mark(families, Random(f"{seed}:marks"))  # noqa: S311 - made-up people
    return families


def _newer_ways(family: PlannedFamily, rng: Random) -> None:
    """Some phones take RCS, and some people let the portal push to their browser."""
    for place, adult in enumerate(family.adults):
        mobile = next((point.value for point in adult.points if point.channel == "sms"), "")
        if mobile and rng.random() < 0.3:
            adult.points.append(PlannedPoint("rcs", mobile))
        if "portal" in adult.channels and rng.random() < 0.3:
            browser = f"https://push.example/riverbend/{family.number:04d}-{place + 1}"
            adult.points.append(PlannedPoint("push", browser, label=rng.choice(("phone", "laptop"))))


def _mark(families: list[PlannedFamily], rng: Random) -> None:
    """Choose who sent STOP (one at least) and who waits for an answer of ours."""
    texting = [one for one in families if "sms" in one.adults[0].channels]
    for family in [*texting[:1], *(one for one in texting[1:] if rng.random() < 0.012)]:
        family.stopped_days_ago = rng.randrange(8, 70)
    able = [one for one in families if {"email", "phone"} <= one.adults[0].channels and not one.stopped_days_ago]
    if len(families) >= FEWEST_FOR_WAITING:
        for family, waits in zip(able, ("phone", "email", "email_again"), strict=False):
            family.waits = waits


def _plan(number: int, surname: Surname, rng: Random, book: AddressBook) -> PlannedFamily:
    adults = _adults(surname, rng)
    children = [
        PlannedMember(f"{name} {surname.name}", Role.STUDENT if rng.random() < 0.6 else Role.CHILD)
        for name in rng.sample(CHILDREN, rng.choices((1, 2, 3, 4), (30, 42, 21, 7))[0])
    ]
    for place, adult in enumerate(adults):
        adult.points = _addresses(adult, number, place, rng, book)
    landline = book.landline() if rng.random() < 0.15 else None
    if landline:
        adults[0].points.append(PlannedPoint("phone", landline, label="home"))
    stage = rng.choices((Stage.ENROLLED, Stage.ENQUIRY, Stage.PAUSED, Stage.LEFT), (84, 7, 5, 4))[0]
    return PlannedFamily(
        number=number,
        reference=f"RB-{number:04d}",
        surname=surname.name,
        members=adults + children,
        time_zone=rng.choice(ABROAD) if rng.random() < 0.05 else "Europe/London",
        language=surname.origin.language if rng.random() < 0.25 else "en",
        stage=stage,
        tags=_tags(rng, len(children)),
        area=rng.choice(AREAS),
    )


def _adults(surname: Surname, rng: Random) -> list[PlannedMember]:
    woman = PlannedMember(f"{rng.choice(surname.origin.women)} {surname.name}", Role.GUARDIAN)
    other = surname.origin if rng.random() < 0.7 else rng.choice(ORIGINS)
    man = PlannedMember(f"{rng.choice(other.men)} {_other_name(surname, other, rng)}", Role.GUARDIAN)
    makeup = rng.random()
    if makeup < 0.28:
        return [woman]
    if makeup < 0.34:
        return [man]
    return [woman, man] if makeup < 0.8 else [man, woman]


def _other_name(surname: Surname, other: Origin, rng: Random) -> str:
    """A partner of another origin often keeps the name they had."""
    return surname.name if other is surname.origin else rng.choice(other.surnames).replace("~", " ")


def _addresses(adult: PlannedMember, number: int, place: int, rng: Random, book: AddressBook) -> list[PlannedPoint]:
    points = []
    if rng.random() < 0.96:
        points.append(PlannedPoint("email", book.email(adult.name, rng.choice(DOMAINS))))
        if rng.random() < (0.02, 0.09)[min(place, 1)]:
            points[0].broken = rng.choice(("mailbox does not exist", "mailbox is full", "domain does not exist"))
            points[0].broken_days_ago = rng.randrange(3, 60)
    if rng.random() < 0.97 or not points:
        mobile = book.mobile()
        points.append(PlannedPoint("phone", mobile, label="mobile"))
        if rng.random() < 0.93:
            points.append(PlannedPoint("sms", mobile))
        if rng.random() < 0.5:
            points.append(PlannedPoint("whatsapp", mobile))
        if rng.random() < 0.015:
            points[-1].broken, points[-1].broken_days_ago = "number is not in use", rng.randrange(5, 80)
    if rng.random() < 0.72:
        points.append(PlannedPoint("portal", f"riverbend-{number:04d}-{place + 1}"))
    return points


def _tags(rng: Random, children: int) -> list[str]:
    chances = (0.38, 0.3, 0.7 if children > 1 else 0, 0.14, 0.1, 0.16, 0.2, 0.06)
    return [tag for tag, chance in zip(TAGS, chances, strict=True) if rng.random() < chance]
