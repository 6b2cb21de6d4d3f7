"""A family's messages that have not left yet: they stand above the conversation until the log has them."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from channels.enums import MessageStatus
from channels.models import Draft, Message
from channels.selectors.pages import MessagePage, page_of_rows
from crm.models import Family

MOST = 20
FAILED_FOR = timedelta(hours=1)
"""What failed before it left never comes into the log: it stays here for a while."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages, and which of them can still be taken back into the form."""

    page: MessagePage
    returnable: frozenset[int]

    @property
    def is_moving(self) -> bool:
        """Whether something changes by itself soon: the page then asks more often."""
        return any(row.status in ("queued", "sending") for row in self.page.rows)


def waiting_messages(*, family: Family) -> Waiting:
    """What is held, queued, going out, uncertain, or has just failed without leaving; in two queries."""
    failed = Q(status__in=(MessageStatus.FAILED, MessageStatus.BLOCKED), updated_at__gte=timezone.now() - FAILED_FOR)
    moving = Q(status__in=(MessageStatus.HELD, MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNKNOWN))
    left = Exists(Message.objects.filter(pk=OuterRef("pk"), deliveries__sent_at__isnull=False))
    # A fall-back that waits is told by the card of what was tried before.
    found = Message.objects.filter(moving | failed, family=family).exclude(left)
    written = Exists(Draft.objects.filter(message=OuterRef("pk"), renewed=None))
    page = page_of_rows(found.annotate(is_returnable=written), most=MOST)
    return Waiting(page, frozenset(row.id for row in page.rows if row.returnable and row.status in ("held", "queued")))
