"""Who names a tag besides the families that have it, so that an undo does not take it from under them."""

from collections.abc import Callable

from crm.models import SavedView, Tag

Names = Callable[[Tag], bool]
_NAMERS: list[Names] = []


def names_tags(function: Names) -> Names:
    """Register how a floor says whether something of its own names a tag."""
    if function not in _NAMERS:
        _NAMERS.append(function)
    return function


def is_named(tag: Tag) -> bool:
    """Whether a family has the tag, or a saved view or something of a floor above asks for it."""
    if tag.families.exists() or SavedView.objects.filter(query__tag=tag.name).exists():
        return True
    return any(function(tag) for function in _NAMERS)
