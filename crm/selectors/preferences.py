"""What is known of how families like to be reached: learned, stated and withdrawn."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm.consent import opted_out_channels
from crm.enums import Channel
from crm.models import ChannelPreference, ChannelTally, Consent, Family

_ORDER = {channel: place for place, channel in enumerate(Channel.values)}


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """Attempts of the last 90 days and those engaged with; estimate and interval 0 to 1, None where unknown."""

    channel: str
    attempts: int
    engaged: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    probability_best: float | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """One family's preferences; rates in per cent, None where unknown."""

    family: str
    email_open_rate: float | None
    email_response_rate: float | None
    sms_response_rate: float | None
    phone_answer_rate: float | None
    portal_usage_frequency: str | None
    best_time_to_contact: str | None
    preferred_channel: str | None
    opt_out_channels: list[str]
    time_zone: str
    last_calculated: datetime | None
    channels: list[ChannelFigures]


def read_preferences(family_ids: Sequence[int]) -> dict[int, Preferences]:
    """Preferences by family id, in three queries however many."""
    families = Family.objects.filter(pk__in=family_ids).select_related("learned", "stated")
    tallies: defaultdict[int, list[ChannelTally]] = defaultdict(list)
    for tally in ChannelTally.objects.filter(family_id__in=family_ids):
        tallies[tally.family_id].append(tally)
    wide: defaultdict[int | None, list[Consent]] = defaultdict(list)
    for record in Consent.objects.filter(family_id__in=family_ids, member=None, address="", topic=None):
        wide[record.family_id].append(record)
    return {family.pk: _preferences(family, tallies[family.pk], wide[family.pk]) for family in families}


def _preferences(family: Family, tallies: list[ChannelTally], wide: list[Consent]) -> Preferences:
    learned: ChannelPreference | None = getattr(family, "learned", None)
    stated = getattr(family, "stated", None)
    return Preferences(
        family=family.external_ref,
        email_open_rate=learned.email_open_rate if learned else None,
        email_response_rate=learned.email_response_rate if learned else None,
        sms_response_rate=learned.sms_response_rate if learned else None,
        phone_answer_rate=learned.phone_answer_rate if learned else None,
        portal_usage_frequency=(learned.portal_usage_frequency if learned else None) or None,
        best_time_to_contact=(learned.best_time_to_contact if learned else None) or None,
        preferred_channel=(stated.preferred_channel if stated else None) or None,
        opt_out_channels=opted_out_channels(wide),
        time_zone=family.time_zone,
        last_calculated=learned.last_calculated if learned else None,
        channels=[
            ChannelFigures(tally.channel, tally.attempts, tally.engaged)
            for tally in sorted(tallies, key=lambda one: _ORDER.get(one.channel, len(_ORDER)))
        ],
    )
