"""What staff type: a message, the filters of the outbox, a sender."""

from channels.forms.compose import ComposeForm
from channels.forms.outbox import OutboxForm
from channels.forms.senders import SenderForm

__all__ = ["ComposeForm", "OutboxForm", "SenderForm"]
