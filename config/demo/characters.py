"""The households with a story of their own, and who they are."""

from dataclasses import dataclass

from config.demo.people import AddressBook, PlannedFamily, PlannedMember, PlannedPoint
from crm.enums import Role, Stage


@dataclass(frozen=True, slots=True)
class Character:
    """A household that is always there; `wanted` is how many entries its story needs."""

    number: int
    part: str
    surname: str
    adults: tuple[str, ...]
    children: tuple[str, ...]
    channels: tuple[str, ...]
    tags: tuple[str, ...] = ("Tuesday group",)
    language: str = "en"
    wanted: int = 70


MARTINEZ = Character(
    217,
    "picks_up",
    "Martinez",
    ("Elena Martinez", "David Martinez"),
    ("Sofia Martinez", "Mateo Martinez"),
    ("email", "phone", "sms", "whatsapp", "portal"),
    ("Tuesday group", "Sibling discount", "Volunteer: kitchen"),
    "es",
    wanted=150,
)
CHARACTERS = (
    MARTINEZ,
    Character(
        42,
        "portal_dweller",
        "Papadakis",
        ("Irini Papadakis",),
        ("Nikos Papadakis", "Thea Papadakis"),
        ("email", "phone", "sms", "portal"),
        wanted=170,
    ),
    Character(
        88,
        "drifts_away",
        "Lindqvist",
        ("Maja Lindqvist", "Henrik Lindqvist"),
        ("Elsa Lindqvist", "Nils Lindqvist"),
        ("email", "phone", "sms", "portal"),
        ("Forest school",),
        wanted=90,
    ),
    Character(
        31,
        "texts_back",
        "Okafor",
        ("Ngozi Okafor",),
        ("Ada Okafor",),
        ("email", "phone", "sms", "portal"),
        ("Tuesday group", "New this year"),
        wanted=60,
    ),
    Character(
        64,
        "leaves_portal",
        "Brandt",
        ("Sabine Brandt", "Till Brandt"),
        ("Leo Brandt",),
        ("email", "phone", "sms", "portal"),
        ("Forest school",),
        wanted=80,
    ),
    Character(
        156,
        "owes_fees",
        "Novak",
        ("Jana Novak",),
        ("Jakub Novak", "Ema Novak"),
        ("email", "phone", "sms"),
        ("Sibling discount",),
        wanted=40,
    ),
    Character(
        109,
        "chats",
        "Haddad",
        ("Rania Haddad", "Samir Haddad"),
        ("Yusuf Haddad", "Layla Haddad"),
        ("email", "phone", "sms", "whatsapp"),
        ("Tuesday group", "Sibling discount"),
        wanted=60,
    ),
)


def plan_character(who: Character, book: AddressBook) -> PlannedFamily:
    """The household with all its addresses; each adult has their own."""
    adults = [_adult(who, name, place, book) for place, name in enumerate(who.adults)]
    children = [PlannedMember(name, Role.STUDENT) for name in who.children]
    if who is MARTINEZ:
        email = next(point for point in adults[1].points if point.channel == "email")
        email.value, email.broken, email.broken_days_ago = (
            "david@martinez-joinery.example",
            "mailbox does not exist",
            18,
        )
    return PlannedFamily(
        number=who.number,
        reference=f"RB-{who.number:04d}",
        surname=who.surname,
        members=adults + children,
        time_zone="Europe/London",
        language=who.language,
        stage=Stage.ENROLLED,
        tags=list(who.tags),
        area="Easton",
        part=who.part,
    )


def _adult(who: Character, name: str, place: int, book: AddressBook) -> PlannedMember:
    mobile = book.mobile()
    values = {"email": book.email(name, "example.org"), "portal": f"riverbend-{who.number:04d}-{place + 1}"}
    # The second adult is reached by email and phone only.
    channels = who.channels if place == 0 else ("email", "phone")
    points = [PlannedPoint(channel, values.get(channel, mobile)) for channel in channels]
    return PlannedMember(name, Role.GUARDIAN, points)
