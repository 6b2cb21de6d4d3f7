"""The conversation of a family: whole, its next page, or what is new in it."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.enums import Direction
from crm.models import Family
from crm.roles import OfficeRole, role_required
from crm.selectors.timeline import Activity, Shown, Spot, TimelinePage, read_activity, read_timeline, timeline_version


def timeline_context(request: HttpRequest, family: Family, *, shown: Shown | None = None) -> dict[str, Any]:
    """All that the conversation needs, in eight queries; a request in the page's query string is followed."""
    if shown is None:
        shown = Shown.read(request.GET.get("channel", ""), request.GET.get("direction", ""))
    # The version is read first: what is written meanwhile is then told by the next poll.
    version = timeline_version(family.pk)
    before = Spot.read(request.GET.get("before", ""))
    page = read_timeline(family, shown, before=before, continuing=_day(request.GET.get("day", "")))
    activity = read_activity(family)
    return {
        "family": family,
        "shown": shown,
        "shown_query": _query(channel=shown.channel, direction=shown.direction),
        "page": page,
        "activity": activity,
        "is_newest": before is None,
        "foreign_zone": family.time_zone if family.time_zone != settings.TIME_ZONE else "",
        "pills": _pills(shown, activity),
        "their_query": _their_query(shown),
        **_links(shown, page, version),
    }


@dataclass(frozen=True, slots=True)
class Pill:
    """One channel to choose, with its entries; an empty channel is all of them."""

    channel: str
    count: int
    query: str
    current: bool


def _pills(shown: Shown, activity: Activity) -> list[Pill]:
    """All, then the channels with entries; the one that is shown stays even where it has none."""
    counts = {one.channel: one.entries for one in activity.channels if one.entries}
    if shown.channel:
        counts.setdefault(shown.channel, 0)
    return [
        Pill(channel, count, _query(channel=channel, direction=shown.direction), channel == shown.channel)
        for channel, count in {"": activity.entries, **counts}.items()
    ]


def _their_query(shown: Shown) -> str:
    """What the switch “Only from them” leads to."""
    return _query(channel=shown.channel, direction="" if shown.direction == Direction.IN else Direction.IN.value)


def _links(shown: Shown, page: TimelinePage, version: str) -> dict[str, str]:
    """The queries of the next page, and of what is new in this one."""
    floor = str(page.floor) if page.floor and page.earlier else ""
    view = {"channel": shown.channel, "direction": shown.direction}
    return {
        "earlier_query": _query(**view, before=floor, day=str(page.last_day)) if floor else "",
        "live_query": _query(**view, floor=floor, version=version),
    }


def _query(**fields: str) -> str:
    return urlencode({name: value for name, value in fields.items() if value})


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@role_required(OfficeRole.STAFF)
@require_safe
@never_cache
def family_timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """The fragment: the whole with its filters, the page below `before`, or with `version` what has changed."""
    family = get_object_or_404(Family, pk=pk)
    if "version" in request.GET:
        return _live(request, family)
    context = timeline_context(request, family)
    template = "timeline" if context["is_newest"] else "timeline_earlier"
    return render(request, f"crm/partials/{template}.html", context)


def _live(request: HttpRequest, family: Family) -> HttpResponse:
    """What the newest page has become: 204 where nothing changed, else all down to where the page ends.

    Down to its `floor`, so that pages below, which the reader has opened already, still follow without a gap.
    """
    version = timeline_version(family.pk)
    if request.GET["version"] == version:
        return HttpResponse(status=204)
    shown = Shown.read(request.GET.get("channel", ""), request.GET.get("direction", ""))
    floor = Spot.read(request.GET.get("floor", ""))
    page = read_timeline(family, shown, floor=floor)
    if floor is not None and page.earlier:
        # Hundreds of new entries: the page is read anew.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    view = {"channel": shown.channel, "direction": shown.direction}
    activity = read_activity(family)
    context = {
        "family": family,
        "shown": shown,
        "page": page,
        "activity": activity,
        "pills": _pills(shown, activity),
        "their_query": _their_query(shown),
        "is_newest": True,
        "oob": True,
        **_links(shown, page, version),
    }
    if floor is not None:
        context |= {"live_query": _query(**view, floor=str(floor), version=version), "earlier_stays": True}
    return render(request, "crm/partials/timeline_live.html", context)
