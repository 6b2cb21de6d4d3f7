"""States of deliveries and messages (the contract's names), and how one follows from another."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeliveryState(models.TextChoices):
    QUEUED = "queued", _("Waiting to go")
    SENDING = "sending", _("Going out")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    ENGAGED = "engaged", _("Engaged")
    FAILED = "failed", _("Failed")
    BOUNCED = "bounced", _("Bounced")
    UNDELIVERED = "undelivered", _("Not delivered")
    EXPIRED = "expired", _("Expired")
    CANCELLED = "cancelled", _("Cancelled")
    UNKNOWN = "unknown", _("Not certain")


class MessageStatus(models.TextChoices):
    HELD = "held", _("Held")
    BLOCKED = "blocked", _("Blocked")
    QUEUED = "queued", _("Waiting to go")
    SENDING = "sending", _("Going out")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    ENGAGED = "engaged", _("Engaged")
    UNKNOWN = "unknown", _("Not certain")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class ReceiptState(models.TextChoices):
    NEW = "new", _("New")
    DONE = "done", _("Done")
    UNMATCHED = "unmatched", _("Unmatched")
    FAILED = "failed", _("Failed")


class WhenAway(models.TextChoices):
    WAIT = "wait", _("everything waits")
    URGENT = "urgent", _("urgent messages take another channel, the rest waits")
    ALL = "all", _("everything takes another channel")


class ChannelRule(models.TextChoices):
    BEST = "", _("Best for each family")


DEAD = frozenset({"failed", "bounced", "undelivered", "expired", "cancelled"})
"""Nothing more comes of these by themselves."""

ALIVE = frozenset({"queued", "sending", "sent", "delivered", "unknown"})

# Later beats earlier. A death outranks what merely left; proof that it arrived or was seen outranks a death
# report on email only where CONTRACT.md says so (delivered < bounced < opened). A vendor drops an email after it
# has taken it, so that a drop outranks the yes to our call: otherwise no other channel would ever be tried.
RANKS: dict[str, dict[str, int]] = {
    "default": {
        "queued": 0, "sending": 1, "unknown": 2, "cancelled": 3, "expired": 3, "sent": 4, "failed": 5,
        "undelivered": 5, "bounced": 5, "delivered": 6, "engaged": 7,
    },
    # A card that stood its time is over although it arrived; one that was read all the same is not.
    "portal": {
        "queued": 0, "sending": 1, "unknown": 2, "cancelled": 3, "sent": 4, "failed": 5,
        "undelivered": 5, "bounced": 5, "delivered": 6, "expired": 7, "engaged": 8,
    },
    # A call that was asked for is no call yet: asking for it ends where nobody makes it in time.
    "phone": {
        "queued": 0, "sending": 1, "unknown": 2, "cancelled": 3, "sent": 4, "expired": 5, "failed": 5,
        "undelivered": 5, "bounced": 5, "delivered": 6, "engaged": 7,
    },
    "email": {
        "queued": 0, "sending": 1, "unknown": 2, "cancelled": 3, "expired": 3, "sent": 4, "failed": 5,
        "delivered": 6, "undelivered": 7, "bounced": 7, "engaged": 8,
    },
}  # fmt: skip


def further_state(channel: str, now: str, news: str) -> str:
    """The state after an event: the one of higher rank, so that order and repeats do not matter.

    Two deaths of one rank are settled by name, so that the end is the same in any order.
    """
    ranks = RANKS.get(channel, RANKS["default"])
    return max(now, news, key=lambda state: (ranks[state], state))
