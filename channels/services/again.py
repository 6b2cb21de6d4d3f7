"""Says once more what did not reach anybody."""

from django.db import transaction
from django.utils.translation import gettext as _

from channels.enums import MessageStatus
from channels.models import Message
from channels.selectors.story import repeat_key
from channels.services.send import MessageRequest, SendOutcome, send_message
from crm.errors import Invalid
from crm.services.holding import hold_families


@transaction.atomic
def send_again(*, message: Message, created_by_id: int | None) -> SendOutcome:
    """The same content as a new message, decided afresh; asked twice it is said once.

    Raises `Invalid` unless the message failed or was blocked: what may have arrived is never repeated.
    """
    # The family before its message, as a merge locks them.
    hold_families([message.family_id])
    message = Message.objects.select_for_update(of=("self",)).select_related("topic").get(pk=message.pk)
    if message.status not in (MessageStatus.FAILED, MessageStatus.BLOCKED):
        raise Invalid({"": _("This message has not failed, so it is not sent again.")})
    if was_for_somebody_gone(message):
        raise Invalid({"": _("The person it was for is gone, and nobody else may get it. Write a new message.")})
    outcome = send_message(request=repeat_of(message, created_by_id=created_by_id))
    if outcome.message.status != MessageStatus.BLOCKED:
        outcome.message.attachments.add(*message.attachments.all())
        # From here on the new message is the one that tries other channels, never both.
        Message.objects.filter(pk=message.pk).update(allow_fallback=False, fallback_pending=False)
    return outcome


def repeat_of(message: Message, *, created_by_id: int | None, wait_seconds: int = 0) -> MessageRequest:
    """The same content to the same people, as a request; expects the topic fetched along."""
    return MessageRequest(
        family_id=message.family_id,
        body=message.body,
        subject=message.subject,
        html=message.html,
        sms=message.sms,
        variants=message.variants,
        template_version_id=message.template_version_id,
        language=message.language,
        personal=message.personal,
        member_id=message.member_id if message.named_member or message.personal else None,
        topic=message.topic.slug,
        urgency=message.urgency,
        channel=message.channel,
        allow_fallback=message.allow_fallback,
        dedupe_key=repeat_key(message),
        source="staff",
        created_by_id=created_by_id,
        wait_seconds=wait_seconds,
    )


def was_for_somebody_gone(message: Message) -> bool:
    """Whether it was meant for one person who is no longer there."""
    return (message.named_member or message.personal) and message.member_id is None
