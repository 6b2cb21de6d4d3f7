"""Fills the placeholders of a message: names from the tables, and what its sender gave along."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from channels.policy import Decision
from channels.services.content import ContentBook
from channels.texts import (
    Context,
    Names,
    check_context,
    check_text,
    longest,
    names_a_person,
    render,
    render_html,
    render_line,
)
from crm.models import Family, Member

if TYPE_CHECKING:
    from channels.services.send import MessageRequest

TEXTS = ("subject", "body", "html", "sms")


def filling_problems(request: "MessageRequest", limits: Mapping[str, int]) -> dict[str, str]:
    """What keeps the texts from being filled in, by field; a text can also grow too long by a long name."""
    context = request.context
    if context is None or request.template:
        return {}
    if wrong := check_context(context):
        return {"context": wrong}
    errors = {name: words for name in TEXTS if (words := check_text(getattr(request, name), context))}
    return errors or {
        name: _("With a long name filled in it is longer than %d characters.") % most
        for name, most in limits.items()
        if longest(getattr(request, name), context) > most
    }


def fill_requests(
    requests: dict[int, "MessageRequest"],
    decisions: Mapping[int, Decision],
    book: ContentBook,
    limits: Mapping[str, int],
) -> dict[int, "MessageRequest | dict[str, str]"]:
    """The requests with their texts filled in, in two queries at most; templates by the book that knows them.

    A template may say something else to the one who was chosen: what keeps that from being said, by field.
    """
    by_template = {
        index: book.filled(one, one.member_id or _chosen(decisions[index]), limits)
        for index, one in requests.items()
        if one.template
    }
    return {**_fill_plain(requests, decisions), **by_template}


def _fill_plain(
    requests: dict[int, "MessageRequest"], decisions: Mapping[int, Decision]
) -> dict[int, "MessageRequest"]:
    wanted = {index: one for index, one in requests.items() if one.context is not None and not one.template}
    if not any("{" in getattr(one, name) for one in wanted.values() for name in TEXTS):
        return requests
    chosen = {index: one.member_id or _chosen(decisions[index]) for index, one in wanted.items()}
    families = dict(Family.objects.filter(pk__in={one.family_id for one in wanted.values()}).values_list("pk", "name"))
    people = Member.objects.in_bulk({member for member in chosen.values() if member})
    done = {
        index: fill(one, names_of(families[one.family_id], people.get(chosen[index] or 0)))
        for index, one in wanted.items()
    }
    return {**requests, **done}


def names_of(family: str, person: Member | None) -> Names:
    """Who a text is for."""
    return Names(family, person.first_name if person else "")


def fill(request: "MessageRequest", names: Names) -> "MessageRequest":
    """One request with its texts as these people read them."""
    context: Context = request.context or {}
    return replace(
        request,
        subject=render_line(request.subject, names, context) if "{" in request.subject else request.subject,
        body=render(request.body, names, context),
        html=render_html(request.html, names, context),
        sms=render(request.sms, names, context),
        personal=names_a_person(getattr(request, name) for name in TEXTS),
        context=None,
    )


def _chosen(decision: Decision) -> int | None:
    return decision.ranking[0].member_id if decision.channel else None
