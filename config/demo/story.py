"""Writes one household's entries, never more than its share and never ahead of time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from config.demo.days import Days
from config.demo.habits import Habits
from config.demo.people import PlannedFamily, PlannedMember
from crm.services import NewInteraction

SYSTEM = "demo"


@dataclass(frozen=True, slots=True)
class PlannedPlace:
    """A person on the list of an event, as the history left it."""

    event_id: int
    family_id: int
    member_id: int
    state: str
    changed_at: datetime | None


@dataclass(slots=True)
class Story:
    """The entries of one household so far; `share` is how many it may have in all."""

    family: PlannedFamily
    days: Days
    rng: Random
    share: int
    staff: tuple[int, ...]
    rows: list[NewInteraction] = field(default_factory=list)
    places: list[PlannedPlace] = field(default_factory=list)
    habits: Habits | None = None
    """What the household does by its nature, once its story is written."""

    @property
    def room(self) -> int:
        """How many entries are still to be written."""
        return self.share - len(self.rows)

    def add(
        self,
        kind: str,
        at: datetime,
        member: PlannedMember | None = None,
        *,
        reply_to: str = "",
        outcome: str = "",
        machine: bool = False,
        by: int | None = None,
        lately: bool = False,
        **told: Any,
    ) -> str:
        """Write one entry and answer its id; empty where there is no room or the time has not come.

        History ends at midnight; only what is told as `lately` happened today.
        """
        if len(self.rows) >= self.share or at > (self.days.now if lately else self.days.midnight):
            return ""
        key = f"{SYSTEM}-{len(self.rows) + 1:05d}"
        self.rows.append(
            NewInteraction(
                family_id=self.family.id,
                interaction_type=kind,
                occurred_at=at,
                external_system=SYSTEM,
                external_id=key,
                member_id=member.id if member else None,
                outcome=outcome,
                in_reply_to=reply_to,
                is_machine=machine,
                metadata=told,
                created_by_id=by,
            )
        )
        return key

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return self.rng.random() < probability

    def say(self, text: str, at: datetime) -> str:
        """A text with the names of this household in it."""
        if "{" not in text:
            return text
        child = self.family.children[0] if self.family.children else self.family.adults[0]
        day = (at + timedelta(days=3)).astimezone(self.days.zone)
        return text.format(
            guardian=self.family.adults[0].first_name,
            child=child.first_name,
            day=day.strftime("%A"),
            hour="10:00",
            event="park day",
        )

    def someone(self) -> int:
        """Whoever is in the office."""
        return self.rng.choice(self.staff)
