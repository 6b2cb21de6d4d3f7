"""What makes households change shape: fields of their own, likely duplicates, merges and moves with the way back."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import AttributeKind, ChangeKind
from crm.models.people import Family, Member

KEY = RegexValidator(r"\A[a-z][a-z0-9_]{0,39}\Z", _("Use small letters, digits and _, beginning with a letter."))


class AttributeField(models.Model):
    """A field that the organisation adds to its families; the values stand in `Family.attributes` under `key`."""

    key = models.CharField(_("key"), max_length=40, unique=True, validators=[KEY])
    label = models.CharField(_("label"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=AttributeKind, default=AttributeKind.TEXT)
    options = models.JSONField(_("options"), default=list, blank=True)
    help = models.CharField(_("help"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_filter = models.BooleanField(_("filter of the list"), default=False)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        ordering = ["position", "label", "id"]

    def __str__(self) -> str:
        return self.label


class HouseholdChange(models.Model):
    """A merge, a move or a removal, with what its undo needs; `gone_*` name a family that was merged away."""

    kind = models.CharField(_("kind"), max_length=10, choices=ChangeKind)
    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="changes")
    other = models.ForeignKey(
        Family, models.SET_NULL, verbose_name=_("came from"), null=True, blank=True, related_name="changes_away"
    )
    member = models.ForeignKey(
        Member, models.SET_NULL, verbose_name=_("person"), null=True, blank=True, related_name="changes"
    )
    gone_id = models.BigIntegerField(_("number of the merged family"), null=True, blank=True, db_index=True)
    gone_ref = models.CharField(_("reference of the merged family"), max_length=64, blank=True, db_index=True)
    gone_name = models.CharField(_("name of what went"), max_length=500, blank=True)
    payload = models.JSONField(_("what undo needs"), default=dict)
    made_at = models.DateTimeField(_("made"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("made by"), null=True, related_name="+"
    )
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("undone by"), null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("change of households")
        verbose_name_plural = _("changes of households")
        ordering = ["-id"]

    def __str__(self) -> str:
        return str(_("Took back: %s")) % self.words if self.undone_at else self.words

    @property
    def words(self) -> str:
        """What was done, as the page of the family tells it."""
        if self.kind == ChangeKind.MERGE:
            return str(_("Merged %(name)s (%(ref)s) into this family")) % {"name": self.gone_name, "ref": self.gone_ref}
        if self.kind == ChangeKind.REMOVAL:
            return str(_("Took %s out")) % self.gone_name
        names = {"name": self.gone_name, "family": self.other.name if self.other else "–"}
        return str(_("%(name)s came from %(family)s")) % names

    @property
    def words_there(self) -> str:
        """What a move was for the family that somebody left."""
        words = str(_("%(name)s went to %(family)s")) % {"name": self.gone_name, "family": self.family.name}
        return str(_("Took back: %s")) % words if self.undone_at else words


class Duplicate(models.Model):
    """Two families that may be one, with the evidence; the lower id stands first. “Not the same” stays said."""

    first = models.ForeignKey(Family, models.CASCADE, verbose_name=_("first"), related_name="+")
    second = models.ForeignKey(Family, models.CASCADE, verbose_name=_("second"), related_name="+")
    score = models.PositiveSmallIntegerField(_("weight of the evidence"))
    evidence = models.JSONField(_("evidence"), default=list)
    found_at = models.DateTimeField(_("found"))
    dismissed_at = models.DateTimeField(_("not the same, said on"), null=True, blank=True)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("said by"), null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("likely double")
        verbose_name_plural = _("likely duplicates")
        ordering = ["-score", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_pair_once"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="pair_in_order"),
        ]
        indexes = [
            models.Index(fields=["-score", "-id"], name="pair_open", condition=models.Q(dismissed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"


class SentForm(models.Model):
    """A form that was saved, by the token it carried: sent a second time it does nothing.

    `undo` is what taking it back needs, where that stands nowhere else.
    """

    token = models.CharField(_("token"), max_length=64, unique=True)
    made_id = models.BigIntegerField(_("what it made"), default=0)
    sent_at = models.DateTimeField(_("sent"), db_index=True)
    undo = models.JSONField(_("what undo needs"), null=True, blank=True)

    class Meta:
        verbose_name = _("saved form")
        verbose_name_plural = _("saved forms")

    def __str__(self) -> str:
        return self.token
