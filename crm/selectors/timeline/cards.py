"""What a card of the timeline holds, in words; templates only lay it out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@dataclass(frozen=True, slots=True)
class State:
    """A validity or outcome: `css` is ok, warn, bad or empty, and never stands without its words."""

    css: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a message on its way: done, failed, or neither (seen by a machine, a bare status)."""

    words: str
    state: Literal["did", "fail", ""]
    took: str = ""
    """The time since the step before it."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """Words that were exchanged."""

    text: str
    from_us: bool
    who: str = ""
    time: str = ""
    failed: str = ""
    """Why it never arrived."""
    message_id: int | None = None
    id: int | None = None
    """The entry, where it stands by itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a fold or of unfamiliar details: its time or name, and its words."""

    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A correction over an entry: who, when and why."""

    by: str
    when: str
    reason: str
    told: str = ""
    """Which fields were changed, where the entry was not withdrawn."""
    replaced_by: int | None = None
    """The entry that stands for one that was withdrawn."""


@dataclass(slots=True)
class Card:
    """One thing that happened. `id` and `at` are of the entry that holds its place."""

    id: int
    at: datetime
    channel: str
    title: str
    time: str
    who: str = ""
    outcome: State | None = None
    text: str = ""
    unfolded: str = ""
    """Text that is opened on request."""
    summary: str = ""
    lines: list[Line] = field(default_factory=list)
    more_lines: int = 0
    bubbles: list[Bubble] = field(default_factory=list)
    earlier_than: int | None = None
    """The oldest entry that is shown of a conversation which began before it."""
    answers: int | None = None
    """The message that an answer answers, which stands elsewhere."""
    holds: list[int] = field(default_factory=list)
    """Entries that held a card's place before this one came."""
    steps: list[Step] = field(default_factory=list)
    reasons: list[State] = field(default_factory=list)
    message_id: int | None = None
    event_id: int | None = None
    sandbox: bool = False
    quiet: bool = False
    withdrawn: Change | None = None
    corrections: list[Change] = field(default_factory=list)
    """The last first; `original` is what was written before any of them."""
    original: "Card | None" = None
    by_hand: bool = False
    """A person wrote it, so people may correct it and pin it."""
    replaces: int | None = None
    """The entry that this one stands for: it was told of another time, or the other way round."""
    rewritten: Change | None = None
    """Who told it anew, and why."""
    pinned: bool = False
    pinned_by: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """The cards of one day in the family's zone, under its heading."""

    date: date
    heading: str
    words: str
    cards: list[Card]
    continues: bool = False
    """The page before ended within this day, so the heading is there already."""


def clock(at: datetime, zone: ZoneInfo, day: date | None = None) -> str:
    """The time of day in the zone; on another day than the one it is read under, with that day."""
    there = at.astimezone(zone)
    time = there.strftime("%H:%M")
    return time if day in (None, there.date()) else f"{short_day(there.date(), zone)} {time}"


def span(times: Sequence[datetime], zone: ZoneInfo) -> str:
    """From the first to the last time; the first with its day where that is another one."""
    last = clock(max(times), zone)
    first = clock(min(times), zone, max(times).astimezone(zone).date())
    return first if first == last else f"{first} – {last}"


def lapse(passed: timedelta) -> str:
    """How long something took, roughly: 3 s, 12 min, 2 h, 5 days; nothing where clocks run apart."""
    seconds = round(passed.total_seconds())
    if seconds < 1:
        return ""
    if seconds < 60:
        return _("%d s") % seconds
    if seconds < 90 * 60:
        return _("%d min") % round(seconds / 60)
    if seconds < 48 * 3600:
        return _("%d h") % round(seconds / 3600)
    days = round(seconds / 86_400)
    return ngettext("%d day", "%d days", days) % days


def short_day(day: date, zone: ZoneInfo) -> str:
    """Thu 12 Nov; with the year where it is another one."""
    return date_format(day, "D j M" if day.year == timezone.localdate(timezone=zone).year else "D j M Y")


def day_heading(day: date, zone: ZoneInfo) -> tuple[str, str]:
    """Today, Yesterday or the weekday; and the date in full."""
    today = timezone.localdate(timezone=zone)
    ago = (today - day).days
    words = date_format(day, "j F" if day.year == today.year else "j F Y")
    if ago in (0, 1):
        return (_("Today"), _("Yesterday"))[ago], f"{date_format(day, 'l')} {words}"
    return date_format(day, "l"), words


def some_of(names: list[str], most: int = 6) -> str:
    """Names in a row; of many the first, and how many more."""
    if len(names) <= most:
        return ", ".join(names)
    return _("%(names)s and %(count)d more") % {"names": ", ".join(names[: most - 1]), "count": len(names) - most + 1}
