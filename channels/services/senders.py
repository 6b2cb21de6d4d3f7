"""Senders as all workers share them: who carries a delivery, whose turn it is, and how the vendor is doing."""

from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from channels.models import Sender
from channels.pacing import LONGEST_PAUSE, pause_seconds, take_slot
from channels.ports import SendError
from channels.registry import IN_HOUSE
from crm.wake import wake

_NOTED_EVERY = timedelta(minutes=1)
_REFUSED_PAUSE = 1.0
"""Seconds for a vendor that says “too many” without saying until when."""


class SenderBook:
    """The senders of this house, read once; one that is missing is entered with its channel's usual rate."""

    @cached_property
    def _known(self) -> dict[tuple[str, str, int | None], Sender]:
        return {(one.channel, one.provider, one.topic_id): one for one in Sender.objects.all()}

    def all(self) -> list[Sender]:
        """Every sender there is."""
        return list(self._known.values())

    def sender_of(self, *, channel: str, provider: str, topic_id: int) -> Sender | None:
        """The topic's own sender, else the one for all topics; None within the house."""
        if channel in IN_HOUSE:
            return None
        found = self._known.get((channel, provider, topic_id)) or self._known.get((channel, provider, None))
        if found is None:
            usual = {"per_second": settings.USUAL_RATES.get(channel)}
            found, _created = Sender.objects.get_or_create(
                channel=channel, provider=provider, topic=None, defaults=usual
            )
            self._known[channel, provider, None] = found
        return found


def take_turn(sender: Sender, now: datetime) -> bool:
    """Take one slot of the sender's rate (in the transaction that commits the intent); False where none is free."""
    if not sender.per_second:
        return True
    taken_until = Sender.objects.select_for_update().values_list("taken_until", flat=True).get(pk=sender.pk)
    until = take_slot(taken_until, now, sender.per_second)
    if until is None:
        return False
    Sender.objects.filter(pk=sender.pk).update(taken_until=until)
    return True


def note_success(sender: Sender, at: datetime) -> None:
    """The vendor works; written where that is news, or once a minute."""
    news = Q(failures__gt=0) | Q(last_ok_at=None) | Q(last_ok_at__lt=at - _NOTED_EVERY)
    Sender.objects.filter(news, pk=sender.pk).update(failures=0, paused_until=None, last_ok_at=at)


@transaction.atomic
def note_failure(sender: Sender, error: SendError) -> bool:
    """The vendor failed; answers whether it is left alone from now on.

    A vendor that asks for less is left alone as long as it asks; refused credentials and a row of failures longer.
    """
    now = timezone.now()
    shared = Sender.objects.select_for_update().get(pk=sender.pk)
    shared.last_failed_at, shared.last_error = now, str(error)[:300]
    too_many = error.code == "429" or error.retry_after is not None
    # What was on its way when the pause began does not make it longer.
    shared.failures += 0 if too_many or shared.is_paused else 1
    if too_many:
        rest = min(error.retry_after or _REFUSED_PAUSE, LONGEST_PAUSE)
    else:
        rest = LONGEST_PAUSE if error.of_sender else pause_seconds(shared.failures)
    if rest:
        until = now + timedelta(seconds=rest)
        shared.paused_until = max(until, shared.paused_until or until)
    shared.save(update_fields=["last_failed_at", "last_error", "failures", "paused_until"])
    return bool(rest)


def resume_senders(senders: QuerySet[Sender]) -> None:
    """A person put the cause right: they are tried again at once."""
    senders.update(paused_until=None, failures=0)
    wake("channels.send_due")
