"""The question that a message puts to the policy, asked anew at each step of its way."""

from channels.models import Message
from channels.selectors import Ask
from channels.selectors.snapshots import templates_of


def ask_of_message(message: Message, *, only: str | None = None, allow_fallback: bool | None = None) -> Ask:
    """What choosing a channel needs of a message; a person who was not named may have been chosen by us."""
    return Ask(
        family_id=message.family_id,
        urgency=message.urgency,
        only_channel=message.channel if only is None else only,
        allow_fallback=message.allow_fallback if allow_fallback is None else allow_fallback,
        member_id=message.member_id if message.named_member or message.personal else None,
        text_length=len(message.sms or message.body),
        templates=templates_of(message.variants),
    )
