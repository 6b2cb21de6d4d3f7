"""Who a campaign is for: filters kept as JSON, read as one queryset."""

from collections.abc import Mapping
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from crm.enums import Channel, Stage
from crm.models import Family, StatedPreference, Tag
from crm.querysets import FamilyQuerySet

Audience = Mapping[str, Any]
STAYING = [stage.value for stage in Stage if stage != Stage.LEFT]
"""What a new campaign begins with: those that left are written to only on purpose."""


def audience_families(audience: Audience) -> FamilyQuerySet:
    """The families that fit every filter (any of its values); an empty filter lets everybody through."""
    families: FamilyQuerySet = Family.objects.all()
    if tags := audience.get("tags"):
        tagged = Family.tags.through.objects.filter(tag_id__in=tags)
        families = families.filter(pk__in=tagged.values("family_id"))
    if stages := audience.get("stages"):
        families = families.filter(stage__in=stages)
    if channels := audience.get("preferred_channels"):
        stated = StatedPreference.objects.filter(preferred_channel__in=channels)
        families = families.filter(pk__in=stated.values("family_id"))
    return families


def audience_in_words(audience: Audience) -> str:
    """The filters as a phrase for people; one query where tags are named."""
    parts = []
    if tags := audience.get("tags"):
        names = list(Tag.objects.filter(pk__in=tags).values_list("name", flat=True))
        parts.append(_("tagged %s") % _any_of(names or [_("with a tag that is gone")]))
    if stages := audience.get("stages"):
        if set(stages) == set(STAYING):
            parts.append(_("that have not left"))
        else:
            parts.append(_any_of([str(Stage(one).label).lower() for one in stages]))
    if channels := audience.get("preferred_channels"):
        parts.append(_("who asked for %s") % _any_of([str(Channel(one).label) for one in channels]))
    return _("Families %s") % ", ".join(parts) if parts else _("All families")


def _any_of(words: list[str]) -> str:
    return get_text_list(words, _("or"))
