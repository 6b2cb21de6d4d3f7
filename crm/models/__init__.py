"""The ground floor's tables."""

from crm.models.access import ApiKey, KeptAnswer
from crm.models.audit import Change
from crm.models.events import Event, Place
from crm.models.households import AttributeField, Duplicate, HouseholdChange, SentForm
from crm.models.imports import ColumnMapping, Import, ImportPart, ImportRefusal, ImportRow
from crm.models.interactions import Interaction, Pin
from crm.models.learned import ChannelPreference, ChannelTally, StatedPreference
from crm.models.ledger import Consent, Topic
from crm.models.lists import LastContact, OwnValue, SavedView
from crm.models.people import ContactPoint, Family, FamilyText, Member, Tag
from crm.models.tasks import CallTask
from crm.models.upkeep import MissedNews, Tick
from crm.models.webhooks import WebhookMessage, WebhookSubscription

__all__ = [
    "ApiKey",
    "AttributeField",
    "CallTask",
    "Change",
    "ChannelPreference",
    "ChannelTally",
    "ColumnMapping",
    "Consent",
    "ContactPoint",
    "Duplicate",
    "Event",
    "Family",
    "FamilyText",
    "HouseholdChange",
    "Import",
    "ImportPart",
    "ImportRefusal",
    "ImportRow",
    "Interaction",
    "KeptAnswer",
    "LastContact",
    "Member",
    "MissedNews",
    "OwnValue",
    "Pin",
    "Place",
    "SavedView",
    "SentForm",
    "StatedPreference",
    "Tag",
    "Tick",
    "Topic",
    "WebhookMessage",
    "WebhookSubscription",
]
