"""The registry of panels: floors above put their part on a family's page without being known here."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.html import conditional_escape

from crm.models import Family

FamilyPanel = Callable[[HttpRequest, Family], str]
_FAMILY_PANELS: dict[FamilyPanel, int] = {}


def register_family_panel(function: FamilyPanel, *, order: int) -> FamilyPanel:
    """Show what the function renders beside a family's timeline, lower `order` first; again is once."""
    _FAMILY_PANELS[function] = order
    return function


def family_panels(request: HttpRequest, family: Family) -> list[str]:
    """The panels' HTML in order; what a panel does not mark as safe is escaped, an empty one is left out."""
    in_order = sorted(_FAMILY_PANELS, key=_FAMILY_PANELS.__getitem__)
    rendered = (conditional_escape(function(request, family)) for function in in_order)
    return [html for html in rendered if html]


_FAMILY_LEADS: list[FamilyPanel] = []


def register_family_lead(function: FamilyPanel) -> FamilyPanel:
    """Show what the function renders above the conversation on a phone; again is once."""
    if function not in _FAMILY_LEADS:
        _FAMILY_LEADS.append(function)
    return function


def family_leads(request: HttpRequest, family: Family) -> list[str]:
    """What stands above the conversation on a phone, in the order of registration."""
    return [conditional_escape(function(request, family)) for function in _FAMILY_LEADS]


_CONVERSATION_TOPS: list[FamilyPanel] = []


def register_conversation_top(function: FamilyPanel) -> FamilyPanel:
    """Show what the function renders above the newest entry of the conversation; again is once."""
    if function not in _CONVERSATION_TOPS:
        _CONVERSATION_TOPS.append(function)
    return function


def conversation_tops(request: HttpRequest, family: Family) -> list[str]:
    """What stands above the newest entry of the conversation, in the order of registration."""
    return [conditional_escape(function(request, family)) for function in _CONVERSATION_TOPS]
