"""Tables of the outbox, the inbox of the portal, and what vendors told us."""

from channels.models.content import Template, TemplateVersion
from channels.models.outbox import Delivery, Message
from channels.models.portal import PortalItem
from channels.models.push import PushSubscription
from channels.models.receipts import Receipt, RefusedCallback, SandboxEcho, Unmatched
from channels.models.sandbox import SandboxHabit
from channels.models.senders import Sender

__all__ = [
    "Delivery",
    "Message",
    "PortalItem",
    "PushSubscription",
    "Receipt",
    "RefusedCallback",
    "SandboxEcho",
    "SandboxHabit",
    "Sender",
    "Template",
    "TemplateVersion",
    "Unmatched",
]
