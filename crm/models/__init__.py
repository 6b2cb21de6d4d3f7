"""The ground floor's tables."""

from crm.models.access import ApiKey
from crm.models.events import Event, Place
from crm.models.imports import ColumnMapping, Import, ImportPart, ImportRow
from crm.models.interactions import Interaction
from crm.models.learned import ChannelPreference, ChannelTally, StatedPreference
from crm.models.ledger import Consent, Topic
from crm.models.people import ContactPoint, Family, FamilyText, Member, Tag
from crm.models.tasks import CallTask
from crm.models.upkeep import MissedNews, Tick

__all__ = [
    "ApiKey",
    "CallTask",
    "ChannelPreference",
    "ChannelTally",
    "ColumnMapping",
    "Consent",
    "ContactPoint",
    "Event",
    "Family",
    "FamilyText",
    "Import",
    "ImportPart",
    "ImportRow",
    "Interaction",
    "Member",
    "MissedNews",
    "Place",
    "StatedPreference",
    "Tag",
    "Tick",
    "Topic",
]
