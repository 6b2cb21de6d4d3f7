"""Who changes what: names the person or API key that acts, and the tables whose changes are written down.

django-auditlog compares and writes on save and delete. What goes by `update()` or `bulk_create` passes it by:
`crm.services.note_changes` writes that. Where nobody acts (jobs, commands, a family's browser) nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from auditlog.context import auditlog_disabled
from auditlog.registry import auditlog
from auditlog.signals import pre_log
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, or a name that stands for no person."""

    person: Any | None
    name: str


_actor: ContextVar[Callable[[], Actor | None] | None] = ContextVar("actor", default=None)


@contextmanager
def acting(person: Callable[[], Any]) -> Iterator[None]:
    """Let changes in this block be those of a person, who is only looked up when something is written."""

    def actor() -> Actor | None:
        found = person()
        return Actor(found, found.get_username()) if found is not None and found.is_authenticated else None

    with _acting(actor):
        yield


@contextmanager
def acting_for(user_id: int | None) -> Iterator[None]:
    """The same for a job that a person started, by the person's id."""
    users = get_user_model().objects
    with acting(cache(lambda: users.filter(pk=user_id).first() if user_id else None)):
        yield


@contextmanager
def acting_with_key(name: Callable[[], str | None]) -> Iterator[None]:
    """The same for a request of another system, by the name of its API key; no name is nobody."""

    def actor() -> Actor | None:
        found = name()
        return Actor(None, _("API key “%s”") % found) if found else None

    # The middleware found no session, and so nobody whose changes would be compared.
    written = auditlog_disabled.set(False)
    try:
        with _acting(actor):
            yield
    finally:
        auditlog_disabled.reset(written)


@contextmanager
def _acting(actor: Callable[[], Actor | None]) -> Iterator[None]:
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def who_acts() -> Actor | None:
    """The person or key whose request or job this is, or None."""
    actor = _actor.get()
    return actor() if actor is not None else None


class ActorMiddleware:
    """Makes the person of a request the one who acts in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Without a session there is no person: nothing needs to be compared.
        stranger = auditlog_disabled.set(settings.SESSION_COOKIE_NAME not in request.COOKIES)
        try:
            with acting(lambda: request.user):
                return self.get_response(request)
        finally:
            auditlog_disabled.reset(stranger)


def track(
    model: type[Model], *, leave_out: Iterable[str] = (), hide: Iterable[str] = (), sets: Iterable[str] = ()
) -> None:
    """Write down changes of a table: of `hide` only that they changed, of `leave_out` nothing; `sets` are its lists."""
    fields = {field.name for field in model._meta.concrete_fields} - set(leave_out) - {model._meta.pk.name}
    auditlog.register(
        model,
        include_fields=sorted(fields),
        mask_fields=sorted(hide),
        mask_callable="crm.audit.hidden",
        m2m_fields=set(sets),
    )


def hidden(value: str) -> str:
    """What stands in place of a secret."""
    return HIDDEN if value and value != "None" else ""


def tracked_fields(model: type[Model]) -> frozenset[str]:
    """The fields of a table whose values may be written down; empty for one that is not tracked."""
    if not auditlog.contains(model):
        return frozenset()
    known = auditlog.get_model_fields(model)
    return frozenset(known["include_fields"]) - frozenset(known["mask_fields"])


def only_with_actor(sender: Any, **about: Any) -> bool:
    """django-auditlog's question whether to write: only what a person or a key does."""
    return who_acts() is not None


def begin() -> None:
    """Track the ground floor's tables."""
    from crm import models

    pre_log.connect(only_with_actor, dispatch_uid="crm.audit.only_with_actor")
    track(models.Family, leave_out={"updated_at"}, sets={"tags"})
    track(models.ContactPoint, leave_out={"created_at", "last_ok_at", "restored_at"})
    # Who and when stand in the entry itself.
    track(models.StatedPreference, leave_out={"recorded_at", "recorded_by"})
    track(models.Consent, leave_out={"family", "recorded_at", "recorded_by"})
    track(models.ApiKey, leave_out={"digest", "created_at", "last_used_at"})
    # A merge, a move or a removal, and that it was taken back; what undo needs is no news.
    said = {"kind", "gone_name", "gone_ref", "undone_at"}
    track(models.HouseholdChange, leave_out={one.name for one in models.HouseholdChange._meta.concrete_fields} - said)
    track(
        models.WebhookSubscription,
        leave_out={"created_at", "failing_since", "paused_until", "last_success_at"},
        hide={"secret", "previous_secret"},
    )
    track(models.SavedView, leave_out={"created_at"})
    for model in (models.Member, models.Topic, models.Tag, models.AttributeField):
        track(model)
