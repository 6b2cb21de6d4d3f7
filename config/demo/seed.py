"""Puts the demo together: people first, then a year of conversations, then what is learned of them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from django.db import transaction

from analytics.jobs import recalculate_preferences
from config.demo.characters import CHARACTERS, plan_character
from config.demo.consents import make_topics, store_consents
from config.demo.days import Days, days_up_to_now
from config.demo.gatherings import Gathering, gathering_of, plan_events
from config.demo.history import write_ordinary
from config.demo.logins import make_users
from config.demo.pending import store_drafts, store_tasks
from config.demo.people import AddressBook, PlannedFamily, plan_ordinary
from config.demo.scripts import write_scripted
from config.demo.shares import share_out
from config.demo.store import store_people
from config.demo.story import PlannedPlace, Story
from config.demo.wordings import store_templates
from crm.models import Event, Family, Place
from crm.services import record_interactions
from crm.services.seating import put_on_list

ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was made, and in how many seconds."""

    families: int
    interactions: int
    seconds: float


@transaction.atomic
def seed_demo(*, families: int, interactions: int, seed: int, months: int) -> Seeded:
    """Write so many families and exactly so many interactions, the same ones for the same seed on the same day."""
    began = time.perf_counter()
    days = days_up_to_now(months)
    staff = make_users()
    plans = plan_families(families, seed)
    store_people(plans, days, seed)
    store_consents(plans, days, seed)
    gatherings = [gathering_of(event) for event in Event.objects.bulk_create(plan_events(days))]
    written = _store_history(_stories(plans, gatherings, days, seed, interactions, staff))
    store_tasks(plans, days, seed, staff)
    store_drafts(make_topics(), staff[1])
    store_templates(staff[1])
    recalculate_preferences()
    return Seeded(len(plans), written, time.perf_counter() - began)


def plan_families(count: int, seed: int) -> list[PlannedFamily]:
    """The scripted households and as many ordinary ones as are missing, by number; taken references stay theirs."""
    taken = set(Family.objects.values_list("external_ref", flat=True))
    book = AddressBook()
    characters = [one for one in CHARACTERS[:count] if f"RB-{one.number:04d}" not in taken]
    reserved = {one.number for one in CHARACTERS}
    scripted = [plan_character(one, book) for one in characters]
    free = _free_numbers(taken, reserved, count - len(scripted))
    return sorted([*scripted, *plan_ordinary(free, seed, book)], key=lambda one: one.number)


def _free_numbers(taken: set[str], reserved: set[int], count: int) -> list[int]:
    numbers: list[int] = []
    number = 0
    while len(numbers) < count:
        number += 1
        if number not in reserved and f"RB-{number:04d}" not in taken:
            numbers.append(number)
    return numbers


def _stories(
    plans: Sequence[PlannedFamily],
    gatherings: list[Gathering],
    days: Days,
    seed: int,
    interactions: int,
    staff: tuple[int, int],
) -> Iterator[Story]:
    """Every household's story, written one at a time so that a large demo needs no more memory than a small one."""
    wanted = {one.number: one.wanted for one in CHARACTERS if any(plan.number == one.number for plan in plans)}
    shares = share_out(plans, wanted, interactions, seed)
    for plan, share in zip(plans, shares, strict=True):
        rng = Random(f"{seed}:{plan.number}:story")  # noqa: S311 - made-up people
        story = Story(plan, days, rng, share, staff)
        if plan.part:
            write_scripted(story, gatherings)
        else:
            write_ordinary(story, gatherings, len(plans))
        yield story


def _store_history(stories: Iterator[Story]) -> int:
    """Write entries and places in batches; answers how many entries are new."""
    written = 0
    waiting: list[Story] = []
    for story in stories:
        waiting.append(story)
        if sum(len(one.rows) for one in waiting) >= ROWS_AT_ONCE:
            written += _store(waiting)
            waiting = []
    return written + _store(waiting)


def _store(stories: Sequence[Story]) -> int:
    rows = [row for story in stories for row in story.rows]
    put_on_list([_place(place) for story in stories for place in story.places])
    return sum(one.status == "created" for one in record_interactions(rows, live=False))


def _place(plan: PlannedPlace) -> Place:
    return Place(
        event_id=plan.event_id,
        family_id=plan.family_id,
        member_id=plan.member_id,
        state=plan.state,
        changed_at=plan.changed_at,
        decided_at=plan.changed_at,
    )
