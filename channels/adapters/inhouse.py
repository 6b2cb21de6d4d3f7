"""Channels that need no vendor: the portal's inbox and calls by staff."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.models import PortalItem
from channels.ports import Adapter, Capabilities, Envelope, SendResult
from crm.models import Family
from crm.services import create_call_task

CALL_WITHIN = {True: timedelta(hours=4), False: timedelta(days=2)}


class PortalInbox:
    """Posts into the family's in-app inbox; posting again changes nothing."""

    name = "portal"
    capabilities = Capabilities(frozenset({"portal"}))

    def send(self, envelope: Envelope) -> SendResult:
        now, hours = timezone.now(), envelope.stands_hours or settings.PORTAL_CARD_HOURS
        item, _created = PortalItem.objects.get_or_create(
            delivery_id=envelope.delivery_id,
            defaults={
                "family_id": envelope.family_id,
                "member_id": envelope.member_id,
                "subject": envelope.title or envelope.subject,
                "body": envelope.text,
                "link": envelope.link,
                "posted_at": now,
                "expires_at": now + timedelta(hours=hours) if hours else None,
            },
        )
        return SendResult(provider_id=str(item.pk), state="delivered")


class PhoneTasks:
    """Asks staff to call; the delivery's id is the task's source, so that it is asked once."""

    name = "staff"
    capabilities = Capabilities(frozenset({"phone"}))

    def send(self, envelope: Envelope) -> SendResult:
        task = create_call_task(
            family=Family.objects.get(pk=envelope.family_id),
            member_id=envelope.member_id,
            reason=envelope.subject or _("Message to tell by phone"),
            script=envelope.text,
            number=envelope.address,
            due_at=timezone.now() + CALL_WITHIN[envelope.urgent],
            urgent=envelope.urgent,
            source=f"delivery:{envelope.delivery_id}",
        )
        return SendResult(provider_id=str(task.pk))


def make_adapter(vendor: str, channel: str) -> Adapter:
    """What the registry asks for."""
    return PortalInbox() if channel == "portal" else PhoneTasks()
