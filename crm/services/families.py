"""A family as staff make and change it, one field at a time and never over a colleague's head."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.attributes import check_attributes, merge_attributes
from crm.enums import ChangeKind, Stage
from crm.errors import Invalid, Stale
from crm.models import Family, HouseholdChange, Tag
from crm.models.people import default_time_zone, generate_reference
from crm.services.once import save_once
from crm.services.people import FamilyDetails, check_family, refresh_family_text

PLAIN = ("name", "external_ref", "time_zone", "language", "stage")


@dataclass(slots=True)
class NewFamily:
    """What staff say of a family that is not there yet."""

    name: str
    external_ref: str = ""
    time_zone: str = ""
    language: str = "en"
    stage: str = Stage.ENROLLED.value
    tags: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


def create_family(*, details: NewFamily, token: str = "") -> tuple[Family, bool]:
    """Make a family, once a token; answers it and whether it is new. Raises `Invalid` by field."""

    def save() -> int:
        given = FamilyDetails(
            external_ref=details.external_ref.strip() or generate_reference(),
            name=details.name,
            time_zone=details.time_zone or default_time_zone(),
            language=details.language,
            stage=details.stage,
            tags=details.tags,
        )
        check_family(given)
        refuse_taken(str(given.external_ref), None)
        attributes = merge_attributes({}, check_attributes(details.attributes))
        plain = {name: str(getattr(given, name)).strip() for name in PLAIN}
        family = Family.objects.create(**plain, attributes=attributes)
        set_tags(family, details.tags)
        refresh_family_text(family_ids=[family.pk])
        return family.pk

    family_id, fresh = save_once(token=token, save=save)
    return Family.objects.get(pk=family_id), fresh


@transaction.atomic
def edit_family(*, family_id: int, given: Mapping[str, Any], seen: Mapping[str, Any]) -> Family:
    """Change what `given` names: plain fields, `tags` (all of them) and `attributes` (None takes one away).

    `seen` is what the page showed (`family_as_seen`): where somebody changed the same field since, nothing is
    saved and `Stale` tells what stands now. Raises `Invalid` by field.
    """
    family = Family.objects.select_for_update().get(pk=family_id)
    current = family_as_seen(family)
    refuse_stale(current, seen, given)
    details = FamilyDetails(tags=given.get("tags"), **{name: given[name] for name in PLAIN if name in given})
    check_family(details)
    refuse_taken(given.get("external_ref", family.external_ref), family.pk)
    for name in PLAIN:
        setattr(family, name, str(given.get(name, getattr(family, name))).strip())
    # What stays as it was may be older than the field's options or kind, and is not judged.
    told = {key: value for key, value in given.get("attributes", {}).items() if value != family.attributes.get(key)}
    family.attributes = merge_attributes(family.attributes, check_attributes(told))
    family.save()
    if "tags" in given:
        set_tags(family, given["tags"])
    refresh_family_text(family_ids=[family.pk])
    return family


def family_as_seen(family: Family) -> dict[str, Any]:
    """What a page of the family shows of what can be edited, in plain values."""
    plain: dict[str, Any] = {name: getattr(family, name) for name in PLAIN}
    plain["tags"] = sorted(family.tags.values_list("name", flat=True))
    return plain | {f"attributes.{key}": value for key, value in family.attributes.items()}


def refuse_stale(current: Mapping[str, Any], seen: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise `Stale` where somebody else changed a field to something else than what is to be saved now."""
    typed = {**given, **{f"attributes.{key}": value for key, value in given.get("attributes", {}).items()}}
    changed = [
        name
        for name in {**seen, **current}
        if name in typed and current.get(name) != seen.get(name) and typed[name] != current.get(name)
    ]
    if changed:
        words = _("Somebody else saved this meanwhile. Nothing of yours is saved yet, and all of it is still here.")
        raise Stale(current, changed, words)


def refuse_taken(reference: str, family_id: int | None) -> None:
    """Raise `Invalid` where a reference leads to another family, also by way of a merge."""
    if Family.objects.filter(external_ref=reference).exclude(pk=family_id or 0).exists():
        raise Invalid({"external_ref": _("Another family has the reference %s.") % reference})
    merged = HouseholdChange.objects.filter(kind=ChangeKind.MERGE, gone_ref=reference, undone_at=None).first()
    if merged is not None:
        words = _("%(ref)s is the former reference of %(family)s.")
        raise Invalid({"external_ref": words % {"ref": reference, "family": merged.family.name}})


def set_tags(family: Family, names: list[str]) -> None:
    """Let the family carry exactly these tags; a new one is made."""
    wanted = sorted({name.strip() for name in names if name.strip()})
    family.tags.set([Tag.objects.get_or_create(name=name)[0] for name in wanted])
