"""What Twilio's error codes mean (www.twilio.com/docs/api/errors): for the message, for the number, for us.

WhatsApp's own codes come mapped (www.twilio.com/docs/whatsapp/api/error-code-mapping). A code that is not here keeps
Twilio's words and is final for this message alone.
"""

from django.utils.translation import gettext_lazy as _

from channels.ports import Fault

_NO_NUMBER = Fault(_("This is not a number that texts can reach."), address_dead=True)
_ACCOUNT = Fault(_("Twilio does not accept our account; an administrator has to look at it."), of_sender=True)
_SUSPENDED = Fault(_("Our account at Twilio is suspended; an administrator has to look at it."), of_sender=True)
_OUR_NUMBER = Fault(_("Twilio does not let our number send this; an administrator has to look at it."), of_sender=True)
_OUR_SENDER = Fault(
    _("Our sender is not set up for this channel at Twilio; an administrator has to look at it."), of_sender=True
)
_META = Fault(_("WhatsApp has closed our business account; an administrator has to look at it."), of_sender=True)
_WINDOW = Fault(_("WhatsApp takes free text only within 24 hours of their last message; use an approved template."))
_LATER = Fault(_("Too much at once; it is tried again."), permanent=False)
_BUSY = Fault(_("The channel had a problem of its own; it is tried again."), permanent=False)
_NOT_THERE = Fault(_("This number cannot be reached on this channel."), address_dead=True)
_BAD_TEMPLATE = Fault(_("The approved template does not fit: its name, its language or its variables are wrong."))
_BAD_TEXT = Fault(_("The channel does not take what was written."))

FAULTS: dict[str, Fault] = {
    "20003": _ACCOUNT,
    "20005": _SUSPENDED,
    "20404": _ACCOUNT,
    "20429": _LATER,
    "21211": _NO_NUMBER,
    "21214": _NO_NUMBER,
    "21217": _NO_NUMBER,
    "21408": Fault(_("Texts to this country are switched off at Twilio.")),
    "21606": _OUR_NUMBER,
    "21610": Fault(_("They texted STOP to our number; nothing goes there until they text START."), opted_out=True),
    "21611": _LATER,
    "21612": Fault(_("Twilio has no way to this number from ours.")),
    "21614": Fault(_("This is not a mobile number."), address_dead=True),
    "21617": Fault(_("The text is too long.")),
    "21655": _BAD_TEMPLATE,
    "21656": _BAD_TEMPLATE,
    "30001": _LATER,
    "30002": _SUSPENDED,
    "30003": Fault(_("The phone was off or out of reach.")),
    "30004": Fault(_("The number or its network blocks our texts.")),
    "30005": Fault(_("The number is unknown or no longer in use."), address_dead=True),
    "30006": Fault(_("A landline, or a network that texts do not reach."), address_dead=True),
    "30007": Fault(_("The network took it for spam.")),
    "30008": Fault(_("It failed on the way, and the network did not say why.")),
    "30034": Fault(_("Our number is not registered for texts in this country; an administrator has to look at it.")),
    "63001": _OUR_SENDER,
    "63002": _OUR_SENDER,
    "63003": _NOT_THERE,
    "63005": _BAD_TEXT,
    "63006": _BAD_TEXT,
    "63007": _OUR_SENDER,
    "63008": _OUR_SENDER,
    "63010": _BUSY,
    "63012": _BUSY,
    "63013": Fault(_("The text is against the rules of the channel.")),
    "63014": Fault(_("They have blocked us on this channel.")),
    "63015": Fault(_("They have not joined Twilio’s WhatsApp sandbox.")),
    "63016": _WINDOW,
    "63018": Fault(_("WhatsApp’s limit for our number was reached."), permanent=False),
    "63020": _META,
    "63021": _BAD_TEXT,
    "63022": _OUR_SENDER,
    "63023": Fault(_("It failed on the channel, which did not say why.")),
    "63024": Fault(_("This number cannot be reached on WhatsApp."), address_dead=True),
    "63027": _BAD_TEMPLATE,
    "63028": _BAD_TEMPLATE,
    "63029": _BAD_TEMPLATE,
    "63030": _BAD_TEXT,
    "63032": Fault(_("WhatsApp does not let us write to this person at the moment.")),
    "63106": Fault(_("Their phone does not take RCS."), address_dead=True),
}
UNKNOWN = Fault("")


def fault_of(code: str, status: int | None = None) -> Fault:
    """What a code means; where nothing is known of it, what the HTTP status says of our account."""
    return FAULTS.get(code, _ACCOUNT if status in (401, 403) else UNKNOWN)


def words_of(code: str, told: str) -> str:
    """A code in words that staff understand, else in Twilio's."""
    return str(fault_of(code).words) or told or (f"Twilio error {code}" if code else "")
