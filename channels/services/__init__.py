"""Requests to say something, and what becomes of it."""

from channels.services.inbox import mark_portal_item
from channels.services.receipts import store_receipt
from channels.services.send import MessageRequest, SendOutcome, cancel_message, send_message, send_messages
from channels.services.states import apply_state, refresh_status

__all__ = [
    "MessageRequest",
    "SendOutcome",
    "apply_state",
    "cancel_message",
    "mark_portal_item",
    "refresh_status",
    "send_message",
    "send_messages",
    "store_receipt",
]
