"""Views of the list of families that people keep under a name."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.models import SavedView

MOST_VIEWS = 50
LONGEST_NAME = 60


@transaction.atomic
def save_view(*, owner_id: int, name: str, query: Mapping[str, Any], is_shared: bool = False) -> SavedView:
    """Keep these filters under a name. Raises `Invalid` by field, as where this person has a view of the name."""
    name = _checked(name, owner_id, besides=0)
    if SavedView.objects.filter(owner=owner_id).count() >= MOST_VIEWS:
        raise Invalid({"name": _("You have %d views, which is the most; delete one first.") % MOST_VIEWS})
    return SavedView.objects.create(owner_id=owner_id, name=name, query=dict(query), is_shared=is_shared)


@transaction.atomic
def change_view(*, view: SavedView, name: str, is_shared: bool, query: Mapping[str, Any] | None = None) -> SavedView:
    """Rename, share or keep to oneself, and with `query` ask for something else. Raises `Invalid` by field."""
    view = SavedView.objects.select_for_update(of=("self",)).get(pk=view.pk)
    view.name, view.is_shared = _checked(name, view.owner_id, besides=view.pk), is_shared
    if query is not None:
        view.query = dict(query)
    view.save()
    return view


def delete_view(*, view: SavedView) -> None:
    """Forget a view; the families stay as they are."""
    view.delete()


def _checked(name: str, owner_id: int | None, *, besides: int) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise Invalid({"name": _("A name of at most %d characters, please.") % LONGEST_NAME})
    taken = SavedView.objects.filter(owner=owner_id, name__iexact=name).exclude(pk=besides)
    if owner_id is not None and taken.exists():
        raise Invalid({"name": _("There is a view called “%s” already.") % name})
    return name
