"""What the office still has to do in the demo: calls to make, campaigns to finish writing."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random

from campaigns.models import Campaign
from config.demo.days import Days
from config.demo.people import PlannedFamily
from config.demo.spoken import BOUNCED, REASONS, REASONS_BY_TAG
from crm.models import CallTask, Topic

FAMILIES_A_TASK, MOST_TASKS = 12, 24
SCRIPTED = {
    "picks_up": (
        "Call back about robotics and the sibling discount",
        "Mateo in Tuesday robotics from January, and does the discount cover materials? Priya: yes, it does.",
        0,
        17,
    ),
    "owes_fees": ("Fees for this term are open, three messages unanswered", "Offer payment in two parts.", 4, 10),
    "drifts_away": ("Drifting away: how are they?", "Missed three events. Only ask how they are, no reminder.", 0, 15),
}


def store_tasks(families: Sequence[PlannedFamily], days: Days, seed: int, staff: tuple[int, int]) -> None:
    """Write open call tasks: some overdue, some for today, some later; some with a name on them."""
    rng = Random(f"{seed}:tasks")  # noqa: S311 - made-up people
    reachable = [one for one in families if one.holders("phone")]
    scripted = [one for one in reachable if one.part in SCRIPTED]
    ordinary = [one for one in reachable if not one.part]
    count = min(len(ordinary), MOST_TASKS, max(3, len(families) // FAMILIES_A_TASK))
    chosen = rng.sample(ordinary, count)
    CallTask.objects.bulk_create([*_scripted(scripted, days, staff), *_ordinary(chosen, days, rng, staff)])


def _scripted(families: Sequence[PlannedFamily], days: Days, staff: tuple[int, int]) -> Iterator[CallTask]:
    for family in families:
        reason, script, back, hour = SCRIPTED[family.part]
        task = _task(family, reason, staff[0])
        task.script, task.due_at = script, days.at(days.ago(back), hour)
        task.urgent = family.part == "owes_fees"
        yield task


def _ordinary(families: Sequence[PlannedFamily], days: Days, rng: Random, staff: tuple[int, int]) -> Iterator[CallTask]:
    for number, family in enumerate(families):
        task = _task(family, _reason(family, rng), rng.choice((*staff, None, None)))
        # A quarter is overdue, half is for today, the rest lies ahead.
        ahead = (-rng.randrange(1, 5), 0, 0, rng.randrange(1, 6))[number % 4]
        task.due_at = days.at(days.today + timedelta(days=ahead), rng.randrange(10, 18), rng.choice((0, 30)))
        task.tries = rng.choice((0, 0, 0, 1))
        task.outcome = "no_answer" if task.tries else ""
        yield task


def _reason(family: PlannedFamily, rng: Random) -> str:
    """Why to ring, true of this household."""
    if any(point.broken and point.channel == "email" for one in family.adults for point in one.points):
        return BOUNCED
    fitting = [reason for tag, reason in REASONS_BY_TAG.items() if tag in family.tags]
    return rng.choice(fitting) if fitting and rng.random() < 0.6 else rng.choice(REASONS)


def _task(family: PlannedFamily, reason: str, assignee: int | None) -> CallTask:
    who = family.holders("phone")[0]
    number = next(point.value for point in who.points if point.channel == "phone" and not point.broken)
    return CallTask(family_id=family.id, member_id=who.id, reason=reason, number=number, assignee_id=assignee)


def store_drafts(topics: dict[str, Topic], by_id: int) -> None:
    """Two campaigns that somebody began to write; a draft sends nothing."""
    Campaign.objects.create(
        name="Next session: enrolment",
        topic=topics["lessons-and-fees"],
        audience={"tags": [], "stages": ["enrolled"], "preferred_channels": []},
        subject="Next session: places open on Monday",
        body="Places for the next session open on Monday at nine. Tuesday robotics and pottery fill up first.\n\n"
        "Choose in the portal, answer this message, or ring us.",
        sms="Riverbend: places for the next session open Monday 9:00. Robotics and pottery fill up first.",
        created_by_id=by_id,
    )
    Campaign.objects.create(
        name="Kiln fund",
        topic=topics["fundraising"],
        audience={"tags": [], "stages": ["enrolled", "paused"], "preferred_channels": []},
        subject="Our kiln needs a new heart",
        body="The kiln has fired eleven hundred pots. A new element costs £340, and every pound helps.",
        sms="Riverbend: our kiln needs a new element (£340). Every pound helps. Thank you!",
        created_by_id=by_id,
    )
