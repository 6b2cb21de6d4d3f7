"""Whom to ring, and on which number, as one list to choose from."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm.addresses import pretty_address
from crm.enums import TaskState
from crm.models import CallTask, Family

MOST_TASKS = 20


@dataclass(frozen=True, slots=True)
class Ring:
    """A person and a number; either may be missing. `key` names the pair in a form."""

    member_id: int | None
    number: str
    words: str
    works: bool = True

    @property
    def key(self) -> str:
        return f"{self.member_id or ''}:{self.number}"


def people_and_numbers(family: Family) -> list[Ring]:
    """Numbers that work first, then people without a number, then what was set aside; in two queries."""
    found: dict[tuple[int | None, str], Ring] = {}
    points = family.contact_points.filter(channel__in=("phone", "sms")).select_related("member")
    # A number may be kept for calls and for texts: what is said of calls decides whether it rings.
    for point in sorted(points, key=lambda one: (one.channel != "phone", not one.is_primary, one.pk)):
        name = point.member.first_name if point.member else _("Household")
        words = f"{name}, {pretty_address('phone', point.value)}"
        if not point.is_valid:
            words = _("%(who)s (set aside: %(why)s)") % {
                "who": words,
                "why": point.invalid_reason or _("does not work"),
            }
        found.setdefault((point.member_id, point.value), Ring(point.member_id, point.value, words, point.is_valid))
    named = {ring.member_id for ring in found.values()}
    people = [Ring(one.pk, "", one.name) for one in family.members.order_by("id") if one.pk not in named]
    works = [ring for ring in found.values() if ring.works]
    return [*works, *people, Ring(None, "", _("Somebody else")), *(ring for ring in found.values() if not ring.works)]


def open_tasks(family: Family) -> list[CallTask]:
    """Calls to this family that somebody asked for and nobody has closed, the earliest first."""
    return list(family.call_tasks.filter(state=TaskState.OPEN).order_by("due_at", "id")[:MOST_TASKS])
