"""Tables of the outbox, the inbox of the portal, what staff write, and what vendors told us."""

from channels.models.answers import SendAnswer
from channels.models.content import Template, TemplateVersion
from channels.models.drafts import Attachment, Draft, random_path
from channels.models.outbox import Delivery, Message
from channels.models.portal import PortalItem
from channels.models.push import PushSubscription
from channels.models.receipts import Receipt, RefusedCallback, SandboxEcho, Unmatched
from channels.models.sandbox import SandboxHabit
from channels.models.senders import Sender

__all__ = [
    "Attachment",
    "Delivery",
    "Draft",
    "Message",
    "PortalItem",
    "PushSubscription",
    "Receipt",
    "RefusedCallback",
    "SandboxEcho",
    "SandboxHabit",
    "SendAnswer",
    "Sender",
    "Template",
    "TemplateVersion",
    "Unmatched",
    "random_path",
]
