"""Whom a text is for, in the documented values."""

from channels.rendering import Reader
from crm.models import Family, Member


def reader_of(family: Family, member: Member | None, *, topic: str) -> Reader:
    """The documented values of a family and a person, as plain texts, numbers, yes and no."""
    return Reader(
        family=family.name,
        reference=family.external_ref,
        language=family.language,
        stage=family.stage,
        fields={key: value for key, value in family.attributes.items() if isinstance(value, str | int | float)},
        person=member.name if member else "",
        topic=topic,
    )


def first_adult(family: Family) -> Member | None:
    """Who stands for the household in a preview; one query."""
    return next((one for one in family.members.order_by("id") if not one.is_child), None)
