"""What people and API keys changed: who, when, from what to what."""

from collections.abc import Mapping
from typing import Any

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.audit import who_acts

_NOTHING: tuple[Any, ...] = (None, "", [], {})


class ChangeManager(LogEntryManager):
    """Adds the person and the family to what django-auditlog writes."""

    def log_create(self, instance: models.Model, force_log: bool = False, **fields: Any) -> Any:
        """Write one entry; empty fields of a new or deleted row say nothing and are left out."""
        changes = _telling(fields.pop("changes", None) or {})
        if not changes and not force_log:
            return None
        return super().log_create(instance, force_log, changes=changes, **about(instance), **fields)

    def log_m2m_changes(self, queryset: Any, instance: models.Model, operation: str, name: str, **fields: Any) -> Any:
        """Write what was put into a list, or taken from it; only_with_actor is not asked here."""
        if who_acts() is None:
            return None
        return super().log_m2m_changes(queryset, instance, operation, name, **about(instance), **fields)


def about(instance: models.Model) -> dict[str, Any]:
    """Who changes it, and whose family's page tells of it."""
    actor = who_acts()
    is_family = instance._meta.label == "crm.Family"
    family_id = instance.pk if is_family else getattr(instance, "family_id", None)
    person, name = (actor.person, actor.name) if actor else (None, "")
    return {"actor": person, "actor_name": name, "family_id": family_id}


def _telling(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: pair for name, pair in changes.items() if any(value not in _NOTHING for value in pair)}


class Change(AbstractLogEntry):
    """One row that a person or an API key added, changed or deleted. The name stays when the person is gone.

    `family_id` is no foreign key: the entry that a family was deleted outlives it.
    """

    actor_name = models.CharField(_("by"), max_length=150, blank=True)
    family_id = models.BigIntegerField(_("family"), null=True, blank=True)

    objects = ChangeManager()

    class Meta(AbstractLogEntry.Meta):
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-id"]
        indexes = [models.Index(fields=["family_id", "-id"], name="change_family")]

    @property
    def who(self) -> str:
        """The person's name as it is now, else the name they had; or the name of the key."""
        name = self.actor.get_full_name() if self.actor else ""
        return name or self.actor_name or str(_("somebody who is gone"))

    @property
    def action_word(self) -> str:
        """Added, changed or deleted."""
        words = {self.Action.CREATE: _("Added"), self.Action.UPDATE: _("Changed"), self.Action.DELETE: _("Deleted")}
        return str(words.get(self.action, _("Looked at")))

    def lines(self) -> list[tuple[str, str, str]]:
        """Each field in words, what it was, and what it is; a list says what came or went."""
        model = self.content_type.model_class()
        # Of what is new or gone the page says whose it is.
        hidden = {"family"} if self.action != self.Action.UPDATE else set()
        return [_line(model, name, pair) for name, pair in (self.changes or {}).items() if name not in hidden]


def _line(model: type[models.Model] | None, name: str, pair: Any) -> tuple[str, str, str]:
    try:
        field: Any = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        # An entry outlives the fields of its day.
        field = None
    word = str(field.verbose_name) if field is not None else name
    if isinstance(pair, dict):
        told = ", ".join(pair["objects"])
        return (word, "", told) if pair["operation"] == "add" else (word, told, "")
    return word, _told(field, pair[0]), _told(field, pair[1])


def _told(field: Any, value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if value in _NOTHING:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_told(None, one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_told(None, one) for one in value)
    return str(dict(getattr(field, "flatchoices", ())).get(value, value))
