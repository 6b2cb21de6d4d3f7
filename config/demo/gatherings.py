"""The events of the demo's year, and who came."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from config.demo.days import Days
from config.demo.habits import Habits
from config.demo.people import PlannedMember
from config.demo.story import PlannedPlace, Story
from crm.enums import Attendance
from crm.models import Event
from crm.services import EARSHOT

# Days before today; the last weeks are close together, so that somebody can miss three in a row.
PAST = (5, 16, 27, 41, 75, 103, 131, 166, 201, 240, 285, 330)
HALL, PARK, WOODS, LIBRARY = "Old Mill hall", "St George Park", "Leigh Woods lodge", "Library, upper room"
BY_MONTH = {
    1: (("Winter session: open morning", HALL), ("Frost walk", WOODS)),
    2: (("Science fair", HALL), ("Pancake day", HALL)),
    3: (("Spring clean and picnic", PARK), ("Book swap", LIBRARY)),
    4: (("Easter workshop", HALL), ("Seed swap", "Allotments, Fishponds")),
    5: (("May walk", WOODS), ("Pottery afternoon", HALL)),
    6: (("Midsummer camp fire", WOODS), ("Sports morning", PARK)),
    7: (("Summer show", HALL), ("Beach day", "Clevedon pier")),
    8: (("Allotment afternoon", "Allotments, Fishponds"), ("Star night", WOODS)),
    9: (("Welcome day", HALL), ("Apple pressing", "Allotments, Fishponds")),
    10: (("Harvest fair", HALL), ("Museum study day", "Bristol Museum")),
    11: (("Lantern walk", PARK), ("Robotics show", HALL)),
    12: (("Winter concert", HALL), ("Biscuit morning", LIBRARY)),
}
ANY_MONTH = (
    ("Park day", PARK), ("Choir and cake", HALL), ("Maker morning", LIBRARY), ("History walk", "Castle Park"),
    ("Games afternoon", LIBRARY),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gathering:
    """An event with its stored id."""

    id: int
    name: str
    starts: datetime
    ends: datetime


def plan_events(days: Days) -> list[Event]:
    """Twelve past events, fewer in a short history, and two that are still to come, oldest first."""
    dates = [_saturday(days.today - timedelta(days=back)) for back in reversed(PAST)]
    kept = [day for day in dates if day >= days.first]
    used: set[str] = set()
    past = [_event(days, day, 10 if index % 3 else 13, used) for index, day in enumerate(kept)]
    return [*past, *_coming(days, used)]


def _coming(days: Days, used: set[str]) -> list[Event]:
    local = days.now.astimezone(days.zone)
    # The next one begins in a few hours, so that its list can be tried; late in the day, tomorrow.
    day, hour = (days.today, local.hour + 2) if local.hour < 17 else (days.today + timedelta(days=1), 10)
    week = days.today + timedelta(days=9)
    return [_event(days, day, max(hour, 9), used), _event(days, _saturday(week + timedelta(days=6)), 10, used)]


def _saturday(day: date) -> date:
    return day - timedelta(days=(day.weekday() - 5) % 7)


def _event(days: Days, day: date, hour: int, used: set[str]) -> Event:
    free = (one for one in (*BY_MONTH[day.month], *ANY_MONTH) if one[0] not in used)
    name, place = next(free, (f"Park day, {day:%B}", PARK))
    used.add(name)
    starts = days.at(day, hour)
    return Event(name=name, place=place, starts_at=starts, ends_at=starts + timedelta(hours=3))


def gathering_of(event: Event) -> Gathering:
    """What the stories need of a stored event."""
    return Gathering(event.pk, event.name, event.starts_at, event.ends_at or event.starts_at + timedelta(hours=3))


def attend(story: Story, gathering: Gathering, members: list[PlannedMember], *, came: bool) -> None:
    """Put these people on the list of a past event and say whether they came; nobody stays half told."""
    if story.room < 2 * len(members):
        return
    asked = gathering.starts - timedelta(days=story.rng.randrange(6, 14)) + timedelta(minutes=story.rng.randrange(240))
    for member in members:
        expect(story, gathering, member, asked)
        state = Attendance.ATTENDED if came and story.chance(0.93) else Attendance.NO_SHOW
        at = gathering.starts + timedelta(minutes=story.rng.randrange(2, 30))
        _happened(
            story, f"event_{state.value}", gathering, member, at if state == Attendance.ATTENDED else gathering.ends
        )
        story.places[-1] = PlannedPlace(gathering.id, story.family.id, member.id, state.value, at)


def expect(story: Story, gathering: Gathering, member: PlannedMember, at: datetime) -> None:
    """Put one person on the list."""
    if not story.room:
        return
    _happened(story, "event_expected", gathering, member, at)
    story.places.append(PlannedPlace(gathering.id, story.family.id, member.id, Attendance.EXPECTED.value, None))


def _happened(story: Story, kind: str, gathering: Gathering, member: PlannedMember, at: datetime) -> None:
    """The entry that the check-in list would have written, so that it can be taken back there."""
    story.add(kind, at, member, by=story.staff[0], event=gathering.id, name=gathering.name)
    story.rows[-1].external_system = EARSHOT
    story.rows[-1].external_id = f"event-{gathering.id}-member-{member.id}-0"


def party(story: Story) -> list[PlannedMember]:
    """Who of the household goes out: an adult and most of the children."""
    adult = story.rng.choice(story.family.adults)
    return [adult, *[child for child in story.family.children if story.chance(0.8)]]


def usual_events(story: Story, habits: Habits, gatherings: list[Gathering], families: int) -> None:
    """Some past events of an ordinary household, as many as its share allows, and perhaps one to come."""
    past = [one for one in gatherings if one.ends <= story.days.now]
    coming = [one for one in gatherings if one.ends > story.days.now]
    for gathering in coming:
        if story.chance(min(0.35, 24 / families)):
            asked = story.days.at(story.days.ago(story.rng.randrange(1, 8)), story.rng.randrange(9, 17))
            for member in party(story)[: story.room]:
                expect(story, gathering, member, asked)
    for gathering in story.rng.sample(past, len(past)):
        if story.room < story.share * 0.85:
            return
        attend(story, gathering, party(story), came=story.chance(habits.comes))
