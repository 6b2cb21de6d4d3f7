"""Saved views of the list of families: who sees which, and whether two ask for the same."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from crm.models import SavedView


def views_of(user_id: int) -> QuerySet[SavedView]:
    """This person's own views and those shared with everybody, by name."""
    return SavedView.objects.filter(Q(owner=user_id) | Q(is_shared=True)).select_related("owner").order_by("name", "id")


def same_query(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two sets of filters ask for the same list; by name is the order when nothing is said."""
    return _bare(one) == _bare(other)


def _bare(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value and (name, value) != ("sort", "name")}
