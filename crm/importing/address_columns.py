"""Columns of addresses: every channel that a file may bring, several of each, with labels."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Column(NamedTuple):
    """One column: whether a file must have it, what stands in it, an example, other names of it, and its group."""

    name: str
    required: bool
    help: str | Promise
    example: str
    also: tuple[str, ...] = ()
    group: str | Promise = ""


class AddressColumn(NamedTuple):
    """What a column of addresses brings; `label` is that of all its addresses, else `label_column` tells theirs."""

    name: str
    channel: str
    of_family: bool = False
    label: str = ""

    @property
    def label_column(self) -> str:
        """The column beside it that holds labels."""
        return "" if self.label else f"{self.name}_label"


_PERSON, _FAMILY = _("Addresses of the person"), _("Addresses of the family as a whole")
# A subscription for push is a browser's own and cannot come from a file.
CHANNELS = ("email", "phone", "sms", "whatsapp", "rcs", "portal", "postal")
_HELP = {
    "email": (_("Email address; several are separated by ;"), "elena@example.org"),
    "phone": (_("Number to ring; numbers of other countries begin with +"), "07700 900142"),
    "sms": (_("Number for text messages"), "07700 900142"),
    "whatsapp": (_("Number on WhatsApp"), "+44 7700 900142"),
    "rcs": (_("Number for RCS messages"), "+44 7700 900142"),
    "portal": (_("Account on your portal"), "elena.m"),
    "postal": (_("Postal address in one line"), "1 Mill Lane, Leeds LS1 4DY"),
}
_ALSO = {
    "email": ("e-mail", "email_address", "mail", "email_1"),
    "phone": ("telephone", "phone_number", "tel", "phone_1"),
    "sms": ("mobile", "mobile_number", "mobile_phone"),
    "portal": ("portal_account", "username"),
    "postal": ("address", "postal_address"),
    "email_2": ("email2", "second_email", "other_email"),
    "phone_2": ("phone2", "second_phone", "other_phone", "telephone_2"),
    "email_3": ("email3", "third_email"),
    "phone_3": ("phone3", "third_phone", "telephone_3"),
    "work_email": ("email_work", "email_(work)", "business_email"),
    "work_phone": ("phone_work", "phone_(work)", "work_telephone", "work_number", "business_phone"),
    "home_email": ("email_home", "email_(home)"),
    "home_phone": ("phone_home", "phone_(home)", "home_telephone", "home_number"),
    "family_phone": ("landline",),
}

OF_PEOPLE = (
    *(AddressColumn(channel, channel) for channel in CHANNELS),
    *(AddressColumn(f"{channel}_{place}", channel) for channel in ("email", "phone", "sms") for place in (2, 3)),
    *(AddressColumn(f"{label}_{channel}", channel, label=label)
      for label in ("work", "home") for channel in ("email", "phone")),
)  # fmt: skip
OF_FAMILIES = tuple(AddressColumn(f"family_{channel}", channel, of_family=True) for channel in CHANNELS)


def _columns(address: AddressColumn) -> list[Column]:
    text, example = _HELP[address.channel]
    group = _FAMILY if address.of_family else _PERSON
    made = [Column(address.name, False, text, example, _ALSO.get(address.name, ()), group)]
    if address.label_column:
        words = _("Label of that address; several are separated by ; in the same order")
        made.append(Column(address.label_column, False, words, "home", (), group))
    return made


ADDRESS_COLUMNS = tuple(column for address in (*OF_PEOPLE, *OF_FAMILIES) for column in _columns(address))
# The columns that hold everything of a channel, as an export fills them.
WHOLE = tuple(address for address in (*OF_PEOPLE, *OF_FAMILIES) if address.name.removeprefix("family_") in CHANNELS)
EXTRA = frozenset(
    column.name for address in OF_PEOPLE if address.name not in CHANNELS for column in _columns(address)
)  # fmt: skip
"""Columns that bring further addresses of a person; an export has no need of them."""
