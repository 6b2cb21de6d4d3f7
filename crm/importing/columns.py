"""The columns that a file may have, as the pages, the guide and the reader use them."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from crm.attributes import attribute_fields
from crm.enums import AttributeKind, ImportKind
from crm.importing.address_columns import ADDRESS_COLUMNS, Column
from crm.models import AttributeField

_WISHES = _("Wishes")

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
    *ADDRESS_COLUMNS,
    Column(
        "preferred_channel",
        False,
        _("What the family asked for: email, sms, whatsapp, rcs, push, portal, phone or in_person"),
        "email",
        group=_WISHES,
    ),
    Column(
        "preferred_since",
        False,
        _("When they asked for it; without it, what a person recorded here stands above the file"),
        "2026-11-12",
        ("preferred_channel_since",),
        _WISHES,
    ),
    Column(
        "marketing_email",
        False,
        _("yes or no: may we send marketing by email? Empty says nothing"),
        "yes",
        group=_WISHES,
    ),
    Column(
        "marketing_sms", False, _("yes or no: may we send marketing by SMS? Empty says nothing"), "no", group=_WISHES
    ),
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

_FIXED: dict[str, tuple[Column, ...]] = {
    ImportKind.FAMILIES.value: FAMILIES,
    ImportKind.CALLS.value: CALLS,
    ImportKind.ATTENDANCE.value: ATTENDANCE,
}

FAMILY_COLUMNS = ("family_name", "time_zone", "language", "stage", "preferred_channel", "preferred_since")
CONSENT_COLUMNS = {"marketing_email": "email", "marketing_sms": "sms"}
OWN = "attributes."
"""How the columns of the organisation's own fields begin."""


def columns_of(kind: str) -> list[Column]:
    """The columns of a kind, with the organisation's own fields of families; one query for those."""
    own = attribute_fields() if kind == ImportKind.FAMILIES else []
    return [*_FIXED[kind], *own_columns(own)]


def own_columns(fields: Sequence[AttributeField]) -> list[Column]:
    """Columns of the organisation's own fields; their headings may be the key or the label."""
    return [
        Column(
            f"{OWN}{field.key}",
            False,
            field.help or f"{field.label}: {_told(field)}",
            _EXAMPLES[field.kind] or "".join(map(str, field.options[:1])),
            (field.key, "_".join(field.label.casefold().split())),
            _("Your own fields"),
        )
        for field in fields
    ]


def _told(field: AttributeField) -> str:
    return ", ".join(map(str, field.options)) if field.kind == AttributeKind.CHOICE else field.get_kind_display()


_EXAMPLES = {
    AttributeKind.TEXT.value: "Oak class",
    AttributeKind.NUMBER.value: "12.5",
    AttributeKind.YES_NO.value: "yes",
    AttributeKind.DATE.value: "2026-11-12",
    AttributeKind.CHOICE.value: "",
}
