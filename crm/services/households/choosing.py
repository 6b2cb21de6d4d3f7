"""Of two families that become one: which name, stage, zone, language, own fields and first addresses are right.

A choice is named after the field (`name`, `attributes.bus`) or the channel (`primary.email`).
"""

from collections.abc import Collection, Mapping
from typing import Any

from crm.models import ContactPoint, Family
from crm.services.households.repoint import Steps, change_value

CHOSEN = ("name", "stage", "time_zone", "language")
OWN, FIRST = "attributes.", "primary."


def take_values(keep: Family, gone: Family, take: Collection[str], steps: Steps) -> None:
    """What was chosen of the family that goes; of its own fields also what the other says nothing of."""
    for name in CHOSEN:
        if name in take and getattr(keep, name) != getattr(gone, name):
            change_value(keep, name, getattr(gone, name), steps)
    chosen = {key: value for key, value in gone.attributes.items() if f"{OWN}{key}" in take}
    both = {**gone.attributes, **keep.attributes, **chosen}
    if both != keep.attributes:
        change_value(keep, "attributes", both, steps)


def step_back(keep: Family, gone: Family, take: Collection[str], steps: Steps) -> dict[str, str]:
    """Let addresses stand back where the other family's was chosen; answers those, by channel."""
    wanted = {f"{FIRST}{channel}": (channel, value) for channel, value in first_addresses(gone).items()}
    firsts = dict(wanted[name] for name in wanted if name in take)
    for point in keep.contact_points.filter(is_primary=True, channel__in=firsts):
        change_value(point, "is_primary", False, steps)
    return firsts


def put_first(keep: Family, firsts: Mapping[str, str], steps: Steps) -> None:
    """Where both families had the chosen address, and one row of it went, let the other be the first."""
    for channel, value in firsts.items():
        points: Any = keep.contact_points.filter(channel=channel)
        if not points.filter(is_primary=True).exists():
            change_value(points.filter(value=value).order_by("pk")[0], "is_primary", True, steps)


def first_addresses(family: Family) -> dict[str, str]:
    """The primary address of each channel."""
    points = ContactPoint.objects.filter(family=family, is_primary=True)
    return dict(points.values_list("channel", "value"))


__all__ = ["CHOSEN", "FIRST", "OWN", "first_addresses", "put_first", "step_back", "take_values"]
