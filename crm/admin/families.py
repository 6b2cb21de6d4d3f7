"""Families, their people and addresses."""

from collections import Counter
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.addresses import check_time_zone, normalise_address
from crm.admin.base import BigTable
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member, Tag
from crm.news import announce
from crm.services import refresh_family_text, remove_contact_point, remove_member
from crm.services.contacts import stand_back


class FamilyForm(forms.ModelForm):
    """A family with a zone that exists."""

    def clean_time_zone(self) -> str:
        """Refuse a zone that is none."""
        try:
            return check_time_zone(self.cleaned_data["time_zone"])
        except Invalid as invalid:
            raise ValidationError(invalid.errors["time_zone"]) from None


class ContactPointForm(forms.ModelForm):
    """An address in its one spelling, of a person of the same family."""

    class Meta:
        model = ContactPoint
        fields = ("family", "member", "channel", "value", "label", "is_primary", "is_valid", "invalid_reason")
        # The admin's own text fields are so wide that a row of them leaves the page.
        widgets = {
            name: forms.TextInput(attrs={"size": size})
            for name, size in {"value": 22, "label": 8, "invalid_reason": 10}.items()
        }

    def clean(self) -> dict[str, Any]:
        """Normalise the address before the constraints look at it."""
        given = super().clean() or {}
        channel, value = given.get("channel"), given.get("value")
        if channel and value:
            try:
                given["value"] = normalise_address(channel, value)
            except Invalid as invalid:
                self.add_error("value", ValidationError(invalid.errors.get("value", [str(invalid)])))
        # In an inline the family is the page's own, and no field of the form.
        member, family = given.get("member"), given.get("family")
        if member and member.family_id != (family.pk if family else self.instance.family_id):
            self.add_error("member", ValidationError(_("This person is not in the family.")))
        return given

    def save(self, commit: bool = True) -> Any:
        """Keep since when it works or not; what was sent to another address says nothing of this one."""
        if "is_valid" in self.changed_data and self.instance.is_valid and self.instance.pk:
            self.instance.restored_at = timezone.now()
        if self.instance.is_valid:
            self.instance.mark_working()
        else:
            self.instance.mark_broken(self.instance.invalid_reason)
        if {"channel", "value"} & set(self.changed_data):
            self.instance.last_ok_at = None
        return super().save(commit)

    def _get_validation_exclusions(self) -> set[str]:
        # Another address may give up being primary in the same save: `stand_back` keeps that rule.
        return super()._get_validation_exclusions() | {"is_primary"}  # type: ignore[misc]


class ContactPointFormSet(forms.BaseInlineFormSet):
    """The addresses of one family, judged together."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Only the family's own people can be named, read once for all rows."""
        super().__init__(*args, **options)
        people = self.instance.members.all() if self.instance.pk else Member.objects.none()
        self._people = [("", "---------"), *((member.pk, member.name) for member in people)]

    def add_fields(self, form: Any, index: int | None) -> None:
        """Hand the list of people to every row: a query a row would be many."""
        super().add_fields(form, index)
        form.fields["member"].widget = forms.Select(choices=self._people)

    def clean(self) -> None:
        """Refuse two primary addresses on a channel and the same address twice."""
        super().clean()
        rows = [
            form.cleaned_data
            for form in self.forms
            if getattr(form, "cleaned_data", None) and not form.cleaned_data.get("DELETE")
        ]
        primaries = Counter(row.get("channel") for row in rows if row.get("is_primary"))
        if any(number > 1 for number in primaries.values()):
            raise ValidationError(_("Only one address of a channel can be the primary one."))
        keys = Counter((row.get("member"), row.get("channel"), row.get("value")) for row in rows if row.get("value"))
        if any(number > 1 for number in keys.values()):
            raise ValidationError(_("The same address is there twice."))


class MemberInline(admin.TabularInline):
    """People are taken out on their own page, where that can be taken back."""

    model = Member
    extra = 0
    can_delete = False
    show_change_link = True
    fields = ("name", "role", "external_ref")


class ContactPointInline(admin.TabularInline):
    model = ContactPoint
    form = ContactPointForm
    formset = ContactPointFormSet
    extra = 0
    can_delete = False
    fields = ("channel", "value", "member", "label", "is_primary", "is_valid", "invalid_reason")


@admin.register(Family)
class FamilyAdmin(BigTable):
    """Families, found as staff find them."""

    form = FamilyForm
    list_display = ("name", "external_ref", "stage", "tag_names", "time_zone", "updated_at")
    list_filter = ("stage", "tags")
    ordering: ClassVar[Any] = ("name", "id")
    search_fields = ("name",)
    search_help_text = _("Names, references, numbers and addresses")
    filter_horizontal = ("tags",)
    readonly_fields = ("created_at", "updated_at")
    inlines = (MemberInline, ContactPointInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Family]:
        """With tags, which the list shows."""
        return super().get_queryset(request).prefetch_related("tags")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The same search as on the pages."""
        return queryset.search(search_term) if search_term.strip() else queryset, False  # type: ignore[attr-defined]

    @admin.display(description=_("tags"))
    def tag_names(self, family: Family) -> str:
        """The family's tags in a line."""
        return ", ".join(tag.name for tag in family.tags.all())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save addresses so that the old primary stands back first, and tell the floors above."""
        if formset.model is not ContactPoint:
            super().save_formset(request, form, formset, change)
            return
        for point in formset.save(commit=False):
            if point.is_primary:
                stand_back(before=point)
        super().save_formset(request, form, formset, change)
        changed = [*formset.new_objects, *(point for point, _fields in formset.changed_objects)]
        if changed:
            announce("contact_point_changed", ids=[point.pk for point in changed])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Search must find what was just typed."""
        super().save_related(request, form, formsets, change)
        refresh_family_text(family_ids=[form.instance.pk])


class OfFamily(BigTable):
    """A row that belongs to a family and whose words search finds."""

    autocomplete_fields: ClassVar[Any] = ("family",)
    search_fields = ("pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows of the families that match."""
        if not search_term.strip():
            return queryset, False
        return queryset.filter(family__in=Family.objects.search(search_term)), False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Whose it is stays: moving and merging on the family's page take along what belongs to it."""
        return (*self.readonly_fields, "family") if obj else tuple(self.readonly_fields)

    def take_out(self, row: Any, by_id: int | None) -> None:
        """Take one row out as the family's page does, so that it can be taken back."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Search must find what was just typed."""
        super().save_model(request, obj, form, change)
        refresh_family_text(family_ids=[obj.family_id])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """By the service; what it refuses stays, and it is said why."""
        try:
            self.take_out(obj, request.user.pk)
        except Invalid as invalid:
            messages.error(request, str(invalid))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """As for one."""
        for row in queryset:
            self.delete_model(request, row)


@admin.register(Member)
class MemberAdmin(OfFamily):
    list_display = ("name", "role", "family", "external_ref")
    list_filter = ("role",)
    list_select_related = ("family",)

    def take_out(self, row: Member, by_id: int | None) -> None:
        """The log keeps what happened."""
        remove_member(member=row, by_id=by_id)


@admin.register(ContactPoint)
class ContactPointAdmin(OfFamily):
    form = ContactPointForm
    list_display = ("value", "channel", "family", "member", "is_primary", "is_valid", "invalid_reason")
    list_filter = ("channel", "is_valid", "is_primary")
    list_select_related = ("family", "member")
    autocomplete_fields: ClassVar[Any] = ("family", "member")
    readonly_fields = ("created_at", "last_ok_at", "invalid_since", "restored_at")

    def take_out(self, row: ContactPoint, by_id: int | None) -> None:
        """Refusals that bind the address stay."""
        remove_contact_point(point=row, by_id=by_id)

    def save_model(self, request: HttpRequest, obj: ContactPoint, form: Any, change: bool) -> None:
        """The old primary stands back first; the floors above are told."""
        if obj.is_primary:
            stand_back(before=obj)
        super().save_model(request, obj, form, change)
        announce("contact_point_changed", ids=[obj.pk])


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ("name", "families_count")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """With the number of families, in the same query."""
        return super().get_queryset(request).annotate(number=Count("families"))

    @admin.display(description=_("families"), ordering="number")
    def families_count(self, tag: Any) -> int:
        """How many families carry it."""
        return int(tag.number)
