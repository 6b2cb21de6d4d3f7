"""Templates as pages and forms list them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from channels.models import Template, TemplateVersion
from channels.rendering import Text, language_label, needs_of
from channels.rendering.values import is_ours
from crm.models import Topic


def templates_for(
    *, topic: Topic | None = None, search: str = "", archived: bool = False
) -> QuerySet[Template, Template]:
    """Templates in use (or those put away), by name, with topic and the version in use fetched along."""
    rows = Template.objects.select_related("topic", "version").filter(archived_at__isnull=not archived)
    rows = rows.exclude(version=None)
    if topic is not None:
        rows = rows.filter(topic=topic)
    for word in search.split():
        rows = rows.filter(Q(name__icontains=word) | Q(slug__icontains=word) | Q(topic__name__icontains=word))
    return rows.order_by("name", "id")


def given_along(version: TemplateVersion) -> list[str]:
    """The values that a sender must or may give along (`context`), by their first names; ours are left out."""
    return sorted(
        {
            root
            for kept in version.texts.values()
            for one in Text.from_json(kept).sources()
            for root in needs_of(one.text).roots
            if not is_ours(root)
        }
    )


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language of a template, in words."""

    tag: str
    label: str


def spoken(tags: Iterable[str]) -> list[Spoken]:
    """Languages with their names."""
    return [Spoken(tag, language_label(tag)) for tag in tags]
