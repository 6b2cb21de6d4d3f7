"""Files that are brought in: what was read of them, what became of each row, and what taking them back needs."""

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel, ImportKind, ImportState, RowState
from crm.models.people import Family


class Import(models.Model):
    """One file on its way in; `mark` is how far the present step has come, so that a dead worker costs one batch.

    `stopped_in` names the step that failed, and after a look that of an import that was only written in part.
    """

    kind = models.CharField(_("kind"), max_length=12, choices=ImportKind)
    state = models.CharField(_("state"), max_length=12, choices=ImportState, default=ImportState.MAPPING)
    name = models.CharField(_("file"), max_length=200)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    shape = models.JSONField(_("how it is written"), default=dict)
    headings = models.JSONField(_("headings"), default=list)
    columns = models.JSONField(_("columns"), default=list, help_text=_("One for each heading; empty is left out"))
    warnings = models.JSONField(_("warnings"), default=list, blank=True)
    leaves_out_bad = models.BooleanField(_("leaves bad rows out"), default=False)
    rows_expected = models.PositiveIntegerField(_("rows expected"), default=0)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows done in this step"), default=0)
    mark = models.CharField(_("how far"), max_length=80, blank=True)
    new = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    granted = models.PositiveIntegerField(_("consent granted"), default=0)
    withdrawn = models.PositiveIntegerField(_("consent withdrawn"), default=0)
    kept_withdrawn = models.PositiveIntegerField(_("consent stays withdrawn"), default=0)
    kept_wishes = models.PositiveIntegerField(_("later wishes kept"), default=0)
    touched = models.PositiveIntegerField(_("rows touched since"), default=0)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.TextField(_("error"), blank=True)
    stopped_in = models.CharField(_("could not go on while"), max_length=12, choices=ImportState, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("brought by"), null=True, blank=True
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("in whose name the work is done"),
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("brought"), default=timezone.now)
    worked_at = models.DateTimeField(_("last worked on"), default=timezone.now)
    imported_at = models.DateTimeField(_("imported"), null=True, blank=True)
    undone_at = models.DateTimeField(_("taken back"), null=True, blank=True)
    forgotten_at = models.DateTimeField(_("rows forgotten"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "worked_at"], name="import_state")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("crm:import", args=[self.pk])


class ImportPart(models.Model):
    """A piece of the file, in the database because web and workers need not share a disk; gone once it is read."""

    imported = models.ForeignKey(Import, models.CASCADE, verbose_name=_("import"), related_name="parts")
    position = models.PositiveIntegerField(_("position"))
    data = models.BinaryField(_("data"))

    class Meta:
        verbose_name = _("part of a file")
        verbose_name_plural = _("parts of files")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["imported", "position"], name="import_part_once")]

    def __str__(self) -> str:
        return f"part {self.position} of import {self.imported_id}"


class ImportRow(models.Model):
    """One row of a file; rows of one `key` are written together, and the first of them keeps the journal of it."""

    imported = models.ForeignKey(Import, models.CASCADE, verbose_name=_("import"), related_name="rows")
    number = models.PositiveIntegerField(_("row"), help_text=_("As a spreadsheet counts: the heading is row 1"))
    key = models.CharField(_("key"), max_length=80, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=RowState, default=RowState.READ)
    about = models.CharField(_("about"), max_length=200, blank=True)
    cells = models.JSONField(_("cells"), default=dict)
    problems = models.JSONField(_("problems"), default=list, help_text=_("Pairs of column and reason"))
    notes = models.JSONField(_("what changes"), default=list)
    journal = models.JSONField(_("what was written"), null=True, blank=True)
    family = models.ForeignKey(
        Family, models.CASCADE, verbose_name=_("family"), related_name="import_rows", null=True, blank=True
    )

    class Meta:
        verbose_name = _("row of a file")
        verbose_name_plural = _("rows of files")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["imported", "number"], name="import_row_once")]
        indexes = [
            models.Index(fields=["imported", "key", "number"], name="import_row_key"),
            models.Index(fields=["imported", "state", "number"], name="import_row_state"),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of import {self.imported_id}"

    @property
    def written(self) -> dict[str, Any]:
        """The journal; empty where this row wrote nothing."""
        return self.journal or {}


class ImportRefusal(models.Model):
    """An address at which a row of a file says no: every other row is judged with it, wherever it stands."""

    imported = models.ForeignKey(Import, models.CASCADE, verbose_name=_("import"), related_name="refusals")
    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    address = models.CharField(_("address"), max_length=500)

    class Meta:
        verbose_name = _("refusal in a file")
        verbose_name_plural = _("refusals in files")
        constraints = [
            models.UniqueConstraint(fields=["imported", "address", "channel"], name="one_refusal_an_address")
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.address}"


class ColumnMapping(models.Model):
    """Which column each heading stands for, kept for the next file with the same headings."""

    kind = models.CharField(_("kind"), max_length=12, choices=ImportKind)
    digest = models.CharField(_("digest of the headings"), max_length=64)
    columns = models.JSONField(_("columns by heading"), default=dict)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="one_mapping_a_heading_set")]

    def __str__(self) -> str:
        return ", ".join(f"{heading} → {column}" for heading, column in self.columns.items() if column)
