"""The conversation with one family, day by day: one thing that happened is one card."""

from crm.selectors.timeline.counts import Activity, ChannelActivity, read_activity
from crm.selectors.timeline.page import (
    MOST_PRINTED,
    Place,
    TimelinePage,
    find_place,
    follow_up_source,
    read_card,
    read_earlier,
    read_pins,
    read_timeline,
    timeline_version,
)
from crm.selectors.timeline.shown import KINDS, Shown, Spot, read_day

__all__ = [
    "KINDS",
    "MOST_PRINTED",
    "Activity",
    "ChannelActivity",
    "Place",
    "Shown",
    "Spot",
    "TimelinePage",
    "find_place",
    "follow_up_source",
    "read_activity",
    "read_card",
    "read_day",
    "read_earlier",
    "read_pins",
    "read_timeline",
    "timeline_version",
]
