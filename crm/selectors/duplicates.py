"""Families that may stand twice, and two of them side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.addresses import pretty_address
from crm.attributes import attribute_fields, told
from crm.consent import narrow_refusals, opted_out_channels
from crm.enums import ContactChannel
from crm.models import Consent, ContactPoint, Duplicate, Family, HouseholdChange, Interaction
from crm.selectors.pages import Page, cut_page
from crm.selectors.profile import language_words
from crm.services.households.choosing import CHOSEN, FIRST, OWN, first_addresses
from crm.services.households.merging import same_people

PAGE = 25
CHANGES = 20
MOST_COMPARED = 500
_KINDS: dict[str, tuple[str, str | Promise]] = {
    "email": ("mail", gettext_lazy("same email")),
    "phone": ("phone", gettext_lazy("same number")),
    "person": ("user", gettext_lazy("same person")),
    "family": ("users-group", gettext_lazy("same name")),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that speaks for it, with icon and words."""

    icon: str
    words: str
    what: str


@dataclass(frozen=True, slots=True)
class Side:
    """One family of a comparison: what it is and how much hangs on it."""

    family: Family
    people: list[tuple[str, str]]
    """Names and roles."""
    addresses: list[str]
    tags: list[str]
    attributes: list[tuple[str, str]]
    entries: int
    newest: Interaction | None
    opted_out: list[str]
    refusals: int
    """What was refused and is not lifted by a member, for an address or on a topic: narrower than the whole family."""
    wish: str


def duplicates_page(after: str) -> Page[Duplicate]:
    """The likeliest first, without those of which staff said that they are not the same."""
    rows: QuerySet[Duplicate] = Duplicate.objects.filter(dismissed_at=None).select_related("first", "second")
    return cut_page(rows.order_by("-score", "-id"), after, ("score", "id"), PAGE, descending=True)


def signs_of(duplicate: Duplicate) -> list[Sign]:
    """The evidence in words; near-same spellings show both."""
    signs = []
    for kind, one, other in duplicate.evidence:
        icon, words = _KINDS[kind]
        shown = pretty_address(kind, one) if kind in ("phone", "email") else one
        signs.append(Sign(icon, str(words), shown if one == other else f"{one} / {other}"))
    return signs


def latest_changes(family: Family | None = None) -> list[HouseholdChange]:
    """The newest merges, moves and removals, of one family or of all."""
    changes = HouseholdChange.objects.select_related("family", "other", "made_by")
    return list((changes.filter(family=family) if family else changes).order_by("-id")[:CHANGES])


def read_side(family: Family) -> Side:
    """What there is to compare, in eight queries."""
    entries = Interaction.objects.filter(family=family)
    records = list(
        Consent.objects.filter(Q(family=family) | Q(family=None, address__in=family.contact_points.values("value")))
    )
    stated = getattr(family, "stated", None)
    return Side(
        family=family,
        people=[(one.name, str(one.get_role_display())) for one in family.members.order_by("id")[:MOST_COMPARED]],
        addresses=list(dict.fromkeys(map(_address, family.contact_points.order_by("channel", "id")[:MOST_COMPARED]))),
        tags=[tag.name for tag in family.tags.all()],
        attributes=[(each.label, told(each, family.attributes.get(each.key))) for each in attribute_fields()],
        entries=entries.aggregate(number=Count("pk"))["number"],
        newest=entries.order_by("-occurred_at", "-id").first(),
        opted_out=opted_out_channels(records),
        refusals=narrow_refusals(records),
        wish=stated.preferred_channel if stated else "",
    )


def _address(point: ContactPoint) -> str:
    shown = pretty_address(point.channel, point.value)
    return shown if point.is_valid else f"{shown} ({_('does not work')})"


@dataclass(frozen=True, slots=True)
class Differing:
    """Something that both families say, and differently: `name` is the choice, then the words of each."""

    name: str
    label: str
    kept: str
    other: str


def differing(keep: Family, gone: Family) -> list[Differing]:
    """What is to be chosen before a merge; what only one of them says needs no choice."""
    found = []
    for name in CHOSEN:
        label: Any = Family._meta.get_field(name)
        sides = [_said(one, name) for one in (keep, gone)]
        found.append(Differing(name, str(label.verbose_name), *sides))
    for field in attribute_fields():
        values = [told(field, family.attributes.get(field.key)) for family in (keep, gone)]
        found.append(Differing(f"{OWN}{field.key}", field.label, *values))
    firsts, others = first_addresses(keep), first_addresses(gone)
    for channel in (channel for channel in ContactChannel.values if channel in firsts):
        label = _("First address: %s") % ContactChannel(channel).label
        sides = [pretty_address(channel, side[channel]) if channel in side else "" for side in (firsts, others)]
        found.append(Differing(f"{FIRST}{channel}", label, *sides))
    return [one for one in found if one.kept and one.other and one.kept != one.other]


def _said(family: Family, name: str) -> str:
    if name == "stage":
        return str(family.get_stage_display())
    value: str = getattr(family, name)
    return language_words(value) if name == "language" else value


def become_one(keep: Family, gone: Family) -> Sequence[str]:
    """People who would be one after a merge."""
    return [twin.name for _person, twin in same_people(keep, gone)]
