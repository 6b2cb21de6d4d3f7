"""The part of a family's page that tells what was sent to them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from channels.selectors.pages import latest_messages
from channels.selectors.waiting import waiting_messages
from channels.views.messages import live
from crm.models import Family
from crm.roles import OfficeRole, role_required

PANEL = "channels/partials/messages_panel.html"
WAITING = "channels/partials/waiting.html"


def messages_panel(request: HttpRequest, family: Family) -> str:
    """The family's last messages as a card."""
    return render_to_string(PANEL, {"family": family, "page": latest_messages(family_id=family.pk)}, request)


@role_required(OfficeRole.STAFF)
@require_GET
def family_messages(request: HttpRequest, pk: int) -> HttpResponse:
    """The same card for its own poll."""
    family = get_object_or_404(Family, pk=pk)
    page = latest_messages(family_id=family.pk)
    return live(request, page.version, PANEL, PANEL, {"family": family, "page": page})


def waiting_panel(request: HttpRequest, family: Family) -> str:
    """What has not left yet, above the conversation."""
    return render_to_string(WAITING, {"family": family, "waiting": waiting_messages(family=family)}, request)


@role_required(OfficeRole.STAFF)
@require_GET
def family_waiting(request: HttpRequest, pk: int) -> HttpResponse:
    """The same for its own poll."""
    family = get_object_or_404(Family, pk=pk)
    waiting = waiting_messages(family=family)
    return live(request, waiting.page.version, WAITING, WAITING, {"family": family, "waiting": waiting})
