"""What belongs to a message that is being written: its files, and taking it back."""

from django.contrib import messages as toasts
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels.files import ACCEPTED
from channels.forms import ComposeForm
from channels.models import Attachment, Message
from channels.services.attaching import drop_file, files_of_form
from channels.services.composing import take_back
from channels.views.compose import beside, initial_of, keep_posted_files, show_form
from crm.errors import Invalid
from crm.models import Family
from crm.roles import OfficeRole, role_required
from crm.views.calls import user_id_of
from crm.views.posting import posted_from


@role_required(OfficeRole.STAFF)
@posted_from("channels:compose")
def compose_files(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the files that were chosen, or take one out; without script the whole form comes back."""
    family = get_object_or_404(Family, pk=pk)
    form = ComposeForm(request.POST, family=family)
    if form.own_token is None:
        raise Http404
    if (dropped := request.POST.get("drop", "")).isdecimal() and len(dropped) < 19:
        drop_file(token=form.own_token, pk=int(dropped))
    problems = keep_posted_files(request, form)
    if not request.headers.get("HX-Request"):
        typed = {name: value for name, value in request.POST.items() if value and name not in ("drop", "sure", "seen")}
        return show_form(request, family, ComposeForm(family=family, initial=typed), problems=problems)
    context = {
        "family": family,
        "files": list(files_of_form(form.own_token)),
        "problems": problems,
        "accepted": ACCEPTED,
    }
    answer = render(request, "channels/partials/compose_files.html", context)
    answer["HX-Trigger-After-Settle"] = "filesChanged"
    return answer


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: reverse("channels:message", args=[pk]))
def compose_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a message back while it waits: its text stands in the form again."""
    message = get_object_or_404(Message.objects.select_related("family"), pk=pk)
    by_script = bool(request.headers.get("HX-Request"))
    try:
        draft = take_back(message=message)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
        if not by_script:
            return redirect(message)
        answer = render(
            request,
            "channels/partials/compose_done.html",
            {"family": message.family, **beside(request, message.family)},
        )
        answer["HX-Reswap"] = "none"
        return answer
    family = message.family
    if draft is None:
        toasts.success(request, _("Cancelled: it is not sent."))
        return redirect(message)
    toasts.success(request, _("Taken back: nothing was sent. Your text is here again."))
    if not by_script:
        return redirect(f"{reverse('channels:compose', args=[family.pk])}?draft={draft.pk}")
    form = ComposeForm(family=family, initial=initial_of(draft))
    return show_form(request, family, form, **(beside(request, family) | {"taken_back": True}))


@role_required(OfficeRole.STAFF)
@require_safe
def attachment(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A file that goes along, to be saved; one that no message carries yet is only for whoever added it."""
    found = get_object_or_404(Attachment, pk=pk, forgotten_at=None)
    if found.uploaded_by_id != user_id_of(request) and not found.messages.exists():
        raise Http404
    try:
        file = found.file.storage.open(str(found.file.name))
    except FileNotFoundError:
        raise Http404 from None
    answer = FileResponse(file, as_attachment=True, filename=found.name, content_type=found.content_type)
    answer["Cache-Control"] = "private, no-store"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
