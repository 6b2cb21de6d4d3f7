"""The conversation with one family, day by day: one thing that happened is one card."""

from crm.selectors.timeline.counts import Activity, ChannelActivity, read_activity
from crm.selectors.timeline.page import TimelinePage, follow_up_source, read_timeline, timeline_version
from crm.selectors.timeline.roots import Shown, Spot

__all__ = [
    "Activity",
    "ChannelActivity",
    "Shown",
    "Spot",
    "TimelinePage",
    "follow_up_source",
    "read_activity",
    "read_timeline",
    "timeline_version",
]
