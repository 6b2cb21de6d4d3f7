"""A test message by one vendor, straight through its adapter: no family, no outbox, an answer at once."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.adapters import adapter_by
from channels.models import Sender
from channels.ports import TEST_DELIVERY, Envelope, SendError
from channels.senders import carriers_of, is_sandbox
from channels.services.senders import SenderBook, note_success
from crm.addresses import normalise_address
from crm.errors import Invalid
from crm.services import note_deed, recent_deeds

MOST_A_MINUTE = 5
DEED = "test message"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of it: `words` for the person who asked; `certain` is false where the vendor left it open."""

    __test__ = False
    sent: bool
    certain: bool
    words: str


def send_test(*, channel: str, vendor: str, address: str, person: str) -> TestResult:
    """Send one test message to an address that somebody typed; whoever asks, and where it went, is written down.

    Raises `Invalid` for an address that is none, a vendor that does not carry the channel here, or too many in a row.
    """
    if vendor not in carriers_of(channel):
        raise Invalid({"": _("This channel is not carried by that vendor here.")})
    address = normalise_address(channel, address)
    sender = SenderBook().sender_of(channel=channel, provider=vendor, topic_id=0)
    if sender is None:
        raise Invalid({"": _("This channel is not carried by that vendor here.")})
    if recent_deeds(sender, DEED, since=timezone.now() - timedelta(minutes=1)) >= MOST_A_MINUTE:
        raise Invalid({"": _("That were many tests in a minute. Please wait a moment.")})
    # Written before it goes, so that no test leaves without a trace.
    note_deed(sender, DEED, address)
    if is_sandbox(vendor):
        return TestResult(True, True, _("Sandbox: all is well, and nothing left this machine."))
    return _send(sender, address, person)


def _send(sender: Sender, address: str, person: str) -> TestResult:
    envelope = Envelope(
        delivery_id=TEST_DELIVERY,
        channel=sender.channel,
        address=address,
        subject=_("Test message of %s") % settings.ORGANISATION_NAME,
        text=_("This is a test message of %s. If you can read it, this channel works.") % settings.ORGANISATION_NAME,
        html="",
        family_id=0,
        member_id=None,
        person=person,
        urgent=False,
        sender=sender.address,
        title=_("Test message"),
    )
    try:
        result = adapter_by(sender.provider, sender.channel).send(envelope)
    except SendError as error:
        # One test is no reason to leave a vendor alone, but it is news of it.
        Sender.objects.filter(pk=sender.pk).update(last_failed_at=timezone.now(), last_error=str(error)[:300])
        words = _("It may have gone out, but the answer was unclear: %s") if error.left else _("It did not go out: %s")
        return TestResult(False, not error.left, words % error)
    note_success(sender, timezone.now())
    return TestResult(True, True, _("%(vendor)s took it; its number is %(id)s.") % {
        "vendor": sender.provider, "id": result.provider_id,
    })  # fmt: skip
