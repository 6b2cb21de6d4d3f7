"""The way back from what one has just logged or corrected."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_headers

from crm import services
from crm.enums import TaskState
from crm.errors import Invalid
from crm.models import CallTask, Interaction
from crm.roles import OfficeRole, access_of, role_required
from crm.selectors.timeline.fixes import read_first, read_fixes, read_standing
from crm.selectors.timeline.words import author
from crm.services.interactions import STAFF
from crm.services.taking_back import take_back
from crm.services.uncorrecting import corrector_of
from crm.views.calls import back_to
from crm.views.logging import show_entry
from crm.views.posting import posted_from

UNDO_WITHIN = timedelta(minutes=10)
WRITTEN_BY_HAND = ("call", "conversation", "note")


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: reverse("crm:family", args=[get_object_or_404(Interaction, pk=pk).family_id]))
def undo_interaction(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what one has just logged; an administrator may take back any entry that people wrote."""
    by_hand = Interaction.objects.filter(external_system=STAFF, category__in=WRITTEN_BY_HAND)
    interaction = get_object_or_404(by_hand.select_related("family"), pk=pk)
    if not access_of(request).administers:
        if interaction.created_by_id != request.user.pk:
            raise PermissionDenied
        if timezone.now() - read_first(interaction).recorded_at > UNDO_WITHIN:
            messages.error(request, _("This was saved more than ten minutes ago and stays in the log."))
            return show_entry(request, interaction.family, interaction.pk)
    said = take_back(interaction=interaction, by_id=request.user.pk)
    if said is None and (stands_still := _why_not_taken_back(request, interaction)):
        messages.info(request, stands_still)
    else:
        done = _taken_back(interaction)
        messages.success(request, " ".join([f"{done}.", *said]) if said else done)
    if "show" in request.GET:
        # It was taken back from the queue, where the call may be open again.
        open_again = CallTask.objects.filter(pk=interaction.metadata.get("task"), state=TaskState.OPEN).first()
        return back_to(request, open_again.pk if open_again else None)
    return show_entry(request, interaction.family, interaction.pk)


def _why_not_taken_back(request: HttpRequest, interaction: Interaction) -> str:
    """What became of an entry that somebody withdrew before; nothing to say where one did it oneself."""
    withdrawal = read_fixes(interaction.family, [interaction.pk])[interaction.pk].withdrawal
    assert withdrawal is not None
    own = withdrawal.created_by_id == request.user.pk
    by = author(withdrawal) or _("Somebody")
    if not withdrawal.metadata.get("replaced_by"):
        return "" if own else _("%s had taken this back before.") % by
    standing = read_standing(interaction)
    if standing.fix.withdrawal is not None:
        return _("This was corrected, and then taken back before.")
    words = (
        _("Nothing was taken back: you have corrected this entry since.")
        if own
        else _("Nothing was taken back: %s has corrected this entry since.") % by
    )
    there = reverse("crm:interaction", args=[standing.entry.pk])
    return format_html('{} <a href="{}">{}</a>', words, there, _("See it where it stands now"))


def _taken_back(interaction: Interaction) -> str:
    said = {"call": _("Call taken back"), "conversation": _("Conversation taken back"), "note": _("Note taken back")}
    return said[interaction.category]


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: reverse("crm:interaction", args=[pk]))
@vary_on_headers("HX-Request")
def undo_correction(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back the correction that one has just made; an administrator may take back any."""
    correction = get_object_or_404(Interaction.objects.select_related("family", "member"), pk=pk)
    by = corrector_of(correction)
    if by is None:
        raise Http404
    if not access_of(request).administers:
        if by.created_by_id != request.user.pk:
            raise PermissionDenied
        if timezone.now() - by.recorded_at > UNDO_WITHIN:
            messages.error(request, _("This was corrected more than ten minutes ago: correct it once more instead."))
            return redirect("crm:interaction", pk)
    try:
        recorded = services.take_back_correction(correction=correction, by_id=request.user.pk)
    except Invalid as error:
        messages.error(request, str(error))
        return redirect("crm:interaction", pk)
    if recorded is None:
        messages.info(request, _("Nothing was taken back: this entry was corrected or taken back since."))
        return redirect("crm:interaction", pk)
    messages.success(request, _("Correction taken back: the entry says what it said before."))
    return redirect("crm:interaction", recorded.id)
