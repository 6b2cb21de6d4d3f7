"""The columns that a file may have, as the pages, the guide and the reader use them."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.enums import ImportKind


class Column(NamedTuple):
    """One column: whether a file must have it, what stands in it, an example, and other names of it."""

    name: str
    required: bool
    help: str | Promise
    example: str
    also: tuple[str, ...] = ()


_FAMILY = Column(
    "family_ref",
    True,
    _("Your reference of the family: 1 to 64 letters, digits and _ . : -"),
    "EX-0142",
    ("family_id", "family_reference", "household_id"),
)
_MEMBER = Column(
    "member_name",
    False,
    _("The person, as named in the family; empty: the family"),
    "Elena Martinez",
    ("name", "full_name", "person", "contact_name"),
)
_MEMBER_REF = Column("member_ref", False, _("Your reference of the person, instead of the name"), "P-2201")

FAMILIES = (
    _FAMILY,
    Column("family_name", True, _("At least in one row of each family"), "Martinez family", ("family", "household")),
    _MEMBER._replace(required=True, help=_("The person this row is about")),
    _MEMBER_REF._replace(help=_("Your reference of the person; without one, the name tells people apart")),
    Column("role", False, _("guardian, adult, student or child; adult where nothing is said"), "guardian"),
    Column(
        "time_zone", False, _("An IANA zone; otherwise the organisation's"), "Europe/London", ("timezone", "zone", "tz")
    ),
    Column("language", False, _("A language tag such as en or pt-BR"), "en", ("lang",)),
    Column("stage", False, _("enquiry, enrolled, paused or left"), "enrolled", ("status",)),
    Column("tags", False, _("Labels of the family, separated by ;"), "robotics; newsletter", ("labels",)),
    Column(
        "email",
        False,
        _("Email address; several are separated by ;"),
        "elena@example.org",
        ("e-mail", "email_address", "mail"),
    ),
    Column(
        "phone",
        False,
        _("Number to ring; numbers of other countries begin with +"),
        "07700 900142",
        ("telephone", "phone_number", "tel"),
    ),
    Column("sms", False, _("Number for text messages"), "07700 900142", ("mobile", "mobile_number", "mobile_phone")),
    Column("whatsapp", False, _("Number on WhatsApp"), "+44 7700 900142"),
    Column("portal", False, _("Account on your portal"), "elena.m", ("portal_account", "username")),
    Column("family_email", False, _("Email address of the family as a whole"), "martinez@example.org"),
    Column("family_phone", False, _("Number of the family as a whole, such as the landline"), "020 7946 0142"),
    Column(
        "preferred_channel",
        False,
        _("What the family asked for: email, sms, whatsapp, rcs, push, portal, phone or in_person"),
        "email",
    ),
    Column("marketing_email", False, _("yes or no: may we send marketing by email? Empty says nothing"), "yes"),
    Column("marketing_sms", False, _("yes or no: may we send marketing by SMS? Empty says nothing"), "no"),
)

CALLS = (
    _FAMILY,
    Column(
        "occurred_at",
        True,
        _("When: 2026-11-12 17:24, in the family's zone where none is named"),
        "2026-11-12 17:24",
        ("date", "time", "when", "called_at", "date_time"),
    ),
    Column(
        "outcome",
        True,
        _("answered, voicemail, no_answer, busy or wrong_number"),
        "answered",
        ("result", "call_outcome"),
    ),
    Column("direction", False, _("out: we rang (where nothing is said), in: they rang"), "out"),
    _MEMBER,
    _MEMBER_REF,
    Column("number", False, _("The number that was rung"), "07700 900142", ("phone", "telephone")),
    Column("duration", False, _("How long, in seconds or as 4:30"), "270", ("seconds", "length")),
    Column("notes", False, _("What was said"), "Asked about the spring term", ("note", "comment", "comments")),
    Column(
        "call_id",
        False,
        _("Your own id of the call; otherwise family, time, direction and person tell calls apart"),
        "C-77120",
        ("id", "external_id"),
    ),
)

ATTENDANCE = (
    Column("event", True, _("The event's name"), "Harvest fair", ("event_name",)),
    Column(
        "starts_at",
        True,
        _("When it began: a day, or a day and a time in the organisation's zone"),
        "2026-11-14 15:00",
        ("date", "event_date", "starts", "start"),
    ),
    _FAMILY,
    _MEMBER._replace(help=_("The person, as named in the family (or member_ref)")),
    _MEMBER_REF,
    Column(
        "attendance",
        False,
        _("attended (where nothing is said), no_show or expected"),
        "attended",
        ("state", "attended", "present"),
    ),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    ImportKind.FAMILIES.value: FAMILIES,
    ImportKind.CALLS.value: CALLS,
    ImportKind.ATTENDANCE.value: ATTENDANCE,
}

ADDRESS_COLUMNS = ("email", "phone", "sms", "whatsapp", "portal")
FAMILY_ADDRESS_COLUMNS = {"family_email": "email", "family_phone": "phone"}
FAMILY_COLUMNS = ("family_name", "time_zone", "language", "stage", "preferred_channel")
CONSENT_COLUMNS = {"marketing_email": "email", "marketing_sms": "sms"}


def names_of(kind: str) -> list[str]:
    """Names of a kind's columns, in their order."""
    return [column.name for column in COLUMNS[kind]]


def required_of(kind: str) -> list[str]:
    """Names of the columns that a file of this kind must have."""
    return [column.name for column in COLUMNS[kind] if column.required]
