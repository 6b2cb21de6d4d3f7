"""The conversation of a family: whole, its next page, the page around one entry, or what is new in it."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.enums import Direction
from crm.forms.timeline import TimelineForm
from crm.models import Family
from crm.panels import conversation_tops
from crm.roles import OfficeRole, role_required
from crm.selectors.timeline import (
    Activity,
    Place,
    Shown,
    Spot,
    TimelinePage,
    find_place,
    read_activity,
    read_day,
    read_pins,
    read_timeline,
    timeline_version,
)

MOST_PEOPLE = 500


def timeline_context(request: HttpRequest, family: Family, *, shown: Shown | None = None) -> dict[str, Any]:
    """All that the conversation needs, in a fixed number of queries; the page's query string is followed.

    A `shown` that is given wins, and begins at the newest.
    """
    asked = request.GET if shown is None else {}
    place = find_place(family, int(asked["entry"])) if asked.get("entry", "").isdecimal() else None
    shown = Shown() if place else shown or Shown.read(asked)
    # The version is read first: what is written meanwhile is then told by the next poll.
    version = timeline_version(family.pk)
    page, is_newest = _read(family, shown, asked, place)
    activity = read_activity(family)
    return {
        "family": family,
        "shown": shown,
        "shown_query": urlencode(shown.fields()),
        "page": page,
        "activity": activity,
        "found": place.card if place else None,
        "found_part": place.root.pk if place and place.in_thread else None,
        "is_newest": is_newest,
        "newer_query": "" if is_newest or not page.top else urlencode({**shown.fields(), "after": str(page.top)}),
        "pins": read_pins(family),
        "form": TimelineForm(shown, family.members.order_by("id")[:MOST_PEOPLE]),
        "foreign_zone": family.time_zone if family.time_zone != settings.TIME_ZONE else "",
        "pills": _pills(shown, activity),
        "their_query": _their_query(shown),
        "tops": conversation_tops(request, family) if is_newest else [],
        **_links(shown, page, version),
    }


def _read(family: Family, shown: Shown, asked: Any, place: Place | None) -> tuple[TimelinePage, bool]:
    """The page that was asked for, and whether it is the newest."""
    if place is not None:
        page = read_timeline(family, shown, before=place.before, reach=place.root)
        return page, place.before is None
    before, after, to = (Spot.read(asked.get(name, "")) for name in ("before", "after", "to"))
    if before is not None:
        return read_timeline(family, shown, before=before, continuing=read_day(asked.get("day", ""))), False
    if after is not None:
        return read_timeline(family, shown, after=after), False
    if to is None:
        return read_timeline(family, shown), True
    # Somebody had read down to here and comes back: all of it, or where it has become too much, its end.
    page = read_timeline(family, shown, floor=to)
    if page.earlier:
        return read_timeline(family, shown, after=to), False
    if page.floor is None:
        return read_timeline(family, shown), True
    below = read_timeline(family, shown, before=page.floor, size=1)
    return replace(page, earlier=bool(below.days)), True


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
        Pill(channel, count, urlencode(replace(shown, channel=channel).fields()), channel == shown.channel)
        for channel, count in {"": activity.entries, **counts}.items()
    ]


def _their_query(shown: Shown) -> str:
    """What the switch “Only from them” leads to."""
    direction = "" if shown.direction == Direction.IN else Direction.IN.value
    return urlencode(replace(shown, direction=direction).fields())


def _links(shown: Shown, page: TimelinePage, version: str) -> dict[str, str]:
    """The queries of the next page, and of what is new in this one."""
    floor = str(page.floor) if page.floor and page.earlier else ""
    further = {"before": floor, "day": str(page.last_day)} if floor else {}
    return {
        "earlier_query": urlencode({**shown.fields(), **further}) if floor else "",
        "live_query": urlencode({**shown.fields(), **({"floor": floor} if floor else {}), "version": version}),
    }


@role_required(OfficeRole.STAFF)
@require_safe
@never_cache
def family_timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """The fragment: the whole with its filters, the page below `before`, or with `version` what has changed."""
    family = get_object_or_404(Family, pk=pk)
    if "version" in request.GET:
        return _live(request, family)
    if "before" in request.GET:
        return _earlier(request, family)
    context = timeline_context(request, family)
    response = render(request, f"crm/partials/{_whole_or_list(request, family)}.html", {**context, "oob_filters": True})
    if _whole_or_list(request, family) == "timeline_list":
        response["HX-Replace-Url"] = _page_url(family, context["shown"].fields())
    return response


def _whole_or_list(request: HttpRequest, family: Family) -> str:
    """Somebody who types into the search keeps the field: only what it finds is swapped."""
    return "timeline_list" if request.headers.get("HX-Target") == f"timeline-list-{family.pk}" else "timeline"


def _earlier(request: HttpRequest, family: Family) -> HttpResponse:
    """The next page alone; the address remembers how far one has read, so that coming back finds it again."""
    shown = Shown.read(request.GET)
    page, _newest = _read(family, shown, request.GET, None)
    context = {"family": family, "shown": shown, "page": page, **_links(shown, page, "")}
    response = render(request, "crm/partials/timeline_earlier.html", context)
    if page.floor is not None:
        response["HX-Replace-Url"] = _page_url(family, {**shown.fields(), "to": str(page.floor)})
    return response


def _page_url(family: Family, fields: dict[str, str]) -> str:
    return f"{family.get_absolute_url()}?{urlencode(fields)}" if fields else family.get_absolute_url()


def _live(request: HttpRequest, family: Family) -> HttpResponse:
    """What the newest page has become: 204 where nothing changed, else all down to where the page ends.

    Down to its `floor`, so that pages below, which the reader has opened already, still follow without a gap.
    """
    version = timeline_version(family.pk)
    if request.GET["version"] == version:
        return HttpResponse(status=204)
    shown = Shown.read(request.GET)
    floor = Spot.read(request.GET.get("floor", ""))
    page = read_timeline(family, shown, floor=floor)
    if floor is not None and page.earlier:
        # Hundreds of new entries: the page is read anew.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
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
        live = {**shown.fields(), "floor": str(floor), "version": version}
        context |= {"live_query": urlencode(live), "earlier_stays": True}
    return render(request, "crm/partials/timeline_live.html", context)
