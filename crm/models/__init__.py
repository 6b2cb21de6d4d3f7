"""The ground floor's tables."""

from crm.models.access import ApiKey, KeptAnswer
from crm.models.events import Event, Place
from crm.models.interactions import Interaction
from crm.models.learned import ChannelPreference, ChannelTally, StatedPreference
from crm.models.ledger import Consent, Topic
from crm.models.people import ContactPoint, Family, FamilyText, Member, Tag
from crm.models.tasks import CallTask
from crm.models.upkeep import MissedNews, Tick
from crm.models.webhooks import WebhookMessage, WebhookSubscription

__all__ = [
    "ApiKey",
    "CallTask",
    "ChannelPreference",
    "ChannelTally",
    "Consent",
    "ContactPoint",
    "Event",
    "Family",
    "FamilyText",
    "Interaction",
    "KeptAnswer",
    "Member",
    "MissedNews",
    "Place",
    "StatedPreference",
    "Tag",
    "Tick",
    "Topic",
    "WebhookMessage",
    "WebhookSubscription",
]
