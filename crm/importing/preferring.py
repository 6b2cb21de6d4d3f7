"""The channel a family asked for, as a file tells of it: never against a wish that was stated later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm.importing.planning import FamilyPlan
from crm.models import StatedPreference
from crm.services.family_rules import FamilyDiff
from crm.services.preferences import state_preferences


@dataclass(frozen=True, slots=True)
class Asked:
    """What a file says a family asked for, beside what is recorded."""

    channel: str
    since: datetime | None
    stated: StatedPreference | None

    @property
    def differs(self) -> bool:
        """Whether the file says something, and something else than is recorded."""
        return bool(self.channel) and (self.stated is None or self.stated.preferred_channel != self.channel)

    @property
    def is_news(self) -> bool:
        """Whether the file may change it.

        A file that tells when they asked is taken at its word. One that does not is taken to be older than what a
        person recorded here, and newer than what an earlier file said.
        """
        if not self.differs or self.stated is None:
            return self.differs
        return self.since > self.stated.recorded_at if self.since else self.stated.from_file

    @property
    def is_kept(self) -> bool:
        """Whether what is recorded stands against the file."""
        return self.differs and not self.is_news

    def change(self) -> tuple[str, str] | None:
        """Before and after, where the file changes it."""
        return (self.stated.preferred_channel if self.stated else "", self.channel) if self.is_news else None

    def kept_in_words(self) -> str:
        """Why it stays, for the preview."""
        assert self.stated is not None
        words = _("preferred_channel kept: %(kept)s, changed on %(day)s; the file says %(said)s")
        day = date_format(timezone.localtime(self.stated.recorded_at), "j M Y")
        return words % {"kept": self.stated.preferred_channel or _("no wish"), "day": day, "said": self.channel}

    def journal(self) -> dict[str, Any]:
        """What is needed to restore what stood before."""
        before = self.stated and {
            "preferred_channel": self.stated.preferred_channel,
            "said_by": self.stated.said_by,
            "recorded_by_id": self.stated.recorded_by_id,
            "recorded_at": self.stated.recorded_at.isoformat(),
            "from_file": self.stated.from_file,
        }
        return {"before": before, "after": self.channel}


def asked_of(plans: Sequence[FamilyPlan], diffs: Sequence[FamilyDiff]) -> list[Asked]:
    """For each family what the file says it asked for; one query."""
    pairs = list(zip(plans, diffs, strict=True))
    speaking = [diff.family for plan, diff in pairs if plan.preferred_channel and diff.family]
    known = {one.pk: one for one in StatedPreference.objects.filter(family__in=speaking)} if speaking else {}
    return [
        Asked(plan.preferred_channel, plan.preferred_since, known.get(diff.family.pk) if diff.family else None)
        for plan, diff in pairs
    ]


def write_preferences(asked: dict[int, Asked], *, by_id: int | None) -> None:
    """Keep what these families, by id, asked for."""
    now = timezone.now()
    wanted = {pk: (one.channel, one.since or now) for pk, one in asked.items()}
    state_preferences(wanted=wanted, said_by=_("import"), by_id=by_id)
