"""Saved views of the list of families: who sees which, and the families that one stands for."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.forms.families import FamilyFilter
from crm.models import Family, SavedView


def views_of(user_id: int) -> QuerySet[SavedView]:
    """This person's own views and those shared with everybody, by name."""
    return SavedView.objects.filter(Q(owner=user_id) | Q(is_shared=True)).select_related("owner").order_by("name", "id")


def view_families(view: SavedView) -> QuerySet[Family]:
    """The families that a view stands for now; raises `Invalid` where it asks for what is no longer there."""
    chosen = FamilyFilter(view.query, queryset=Family.objects.all())
    if problems := chosen.problems():
        raise Invalid({"view": _("The view “%(view)s” no longer works. %(why)s") % {
            "view": view.name, "why": " ".join(problems),
        }})  # fmt: skip
    found: QuerySet[Family] = chosen.qs
    return found


def same_query(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two sets of filters ask for the same list; by name is the order when nothing is said."""
    return _bare(one) == _bare(other)


def _bare(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value and (name, value) != ("sort", "name")}
