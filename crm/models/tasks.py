"""Calls that a person should make."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import TaskState
from crm.models.people import Family, Member
from crm.years import END, FIRST


class CallTask(models.Model):
    """“A person should call”: staff make them, messages ask for them; the outcome comes back as an interaction.

    `held_by` has it open on the screen until `held_until`: two people never get the same task from the queue.
    """

    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="call_tasks")
    member = models.ForeignKey(Member, models.SET_NULL, verbose_name=_("person"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    script = models.TextField(_("what to say"), blank=True)
    number = models.CharField(_("number"), max_length=40, blank=True)
    due_at = models.DateTimeField(_("due"))
    put_off_at = models.DateTimeField(_("put off"), null=True, blank=True)
    """When somebody last said “not now”; empty where the time is the one that was first asked for."""
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("assigned to"),
        null=True,
        blank=True,
        related_name="call_tasks",
    )
    state = models.CharField(_("state"), max_length=12, choices=TaskState, default=TaskState.OPEN)
    urgent = models.BooleanField(_("urgent"), default=False)
    source = models.CharField(_("asked for by"), max_length=60, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    max_tries = models.PositiveSmallIntegerField(_("most tries"), default=3)
    outcome = models.CharField(_("outcome"), max_length=20, blank=True)
    interaction_id = models.BigIntegerField(_("last call in the log"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("made by"),
        null=True,
        blank=True,
        related_name="call_tasks_made",
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("closed by"),
        null=True,
        blank=True,
        related_name="call_tasks_closed",
    )
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("being called by"),
        null=True,
        blank=True,
        related_name="call_tasks_held",
    )
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)

    class Meta:
        verbose_name = _("call task")
        verbose_name_plural = _("call tasks")
        ordering = ["due_at", "id"]
        indexes = [models.Index(fields=["state", "due_at", "id"], name="task_state_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["family", "source"], condition=~models.Q(source=""), name="one_task_a_source"
            ),
            models.CheckConstraint(condition=models.Q(due_at__gte=FIRST, due_at__lt=END), name="task_due_in_our_years"),
        ]

    def __str__(self) -> str:
        return self.reason
