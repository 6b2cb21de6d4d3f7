"""The columns that a file of families may have, as the page, the guide and the reader use them."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Column(NamedTuple):
    """One column: whether a file must have it, what stands in it, and an example."""

    name: str
    required: bool
    help: str | Promise
    example: str


COLUMNS = (
    Column("family_ref", True, _("Your reference of the family: 1 to 64 letters, digits and _ . : -"), "EX-0142"),
    Column("family_name", True, _("At least in one row of each family"), "Martinez family"),
    Column("member_name", True, _("The person this row is about"), "Elena Martinez"),
    Column("member_ref", False, _("Your reference of the person; without one, the name tells people apart"), "P-2201"),
    Column("role", False, _("guardian, adult, student or child; adult where nothing is said"), "guardian"),
    Column("time_zone", False, _("An IANA zone; otherwise the organisation's"), "Europe/London"),
    Column("language", False, _("A language tag such as en or pt-BR"), "en"),
    Column("stage", False, _("enquiry, enrolled, paused or left"), "enrolled"),
    Column("tags", False, _("Labels of the family, separated by ;"), "robotics; newsletter"),
    Column("email", False, _("Email address"), "elena@example.org"),
    Column("phone", False, _("Number to ring; numbers of other countries begin with +"), "07700 900142"),
    Column("sms", False, _("Number for text messages"), "07700 900142"),
    Column("whatsapp", False, _("Number on WhatsApp"), "+44 7700 900142"),
    Column("portal", False, _("Account on your portal"), "elena.m"),
    Column(
        "preferred_channel",
        False,
        _("What the family asked for: email, sms, whatsapp, rcs, push, portal, phone or in_person"),
        "email",
    ),
    Column("marketing_email", False, _("yes or no: may we send marketing by email? Empty says nothing"), "yes"),
    Column("marketing_sms", False, _("yes or no: may we send marketing by SMS? Empty says nothing"), "no"),
)

REQUIRED = tuple(column.name for column in COLUMNS if column.required)
KNOWN = frozenset(column.name for column in COLUMNS)
ADDRESS_COLUMNS = ("email", "phone", "sms", "whatsapp", "portal")
FAMILY_COLUMNS = ("family_name", "time_zone", "language", "stage", "preferred_channel")
CONSENT_COLUMNS = {"marketing_email": "email", "marketing_sms": "sms"}
YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"})
