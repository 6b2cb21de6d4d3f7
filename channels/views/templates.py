"""Templates: the list of them, and writing one."""

from typing import Any

from django.conf import settings
from django.contrib import messages as toasts
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from channels.models import Template, TemplateVersion
from channels.rendering import choose_language, language_label, language_problem
from channels.rendering.values import VALUES
from channels.selectors.templates import given_along, spoken, templates_for
from channels.services import templates as services
from channels.template_forms import TemplateForm, TestSendForm, initial_of
from channels.views.template_previews import channels_for_tests, preview_context
from crm.errors import Invalid
from crm.models import Topic
from crm.roles import OfficeRole, access_of, role_required
from crm.views.posting import posted_from

PAGE = 50
HOW = {
    "value": "{{ member.first_name }}",
    "choice": "{% if family.fields.bus %}…{% else %}…{% endif %}",
    "many": "{% for name in names %}{{ name }}{% endfor %}",
    "day": '{{ day | date: "%A, %-d %B" }}',
    "bold": "**bold**",
    "heading": "## Heading",
    "link": "[words](https://…)",
    "button": '[words](https://… "button")',
}
"""How things are written, as the page shows it."""


@role_required(OfficeRole.STAFF)
@require_GET
@vary_on_headers("HX-Request")
def templates(request: HttpRequest) -> HttpResponse:
    """Templates by name, found by a word; those put away stand apart."""
    text, archived = request.GET.get("q", "")[:200], bool(request.GET.get("archived"))
    page = Paginator(templates_for(search=text, archived=archived), PAGE).get_page(request.GET.get("page"))
    rows = [(one, spoken(one.version.languages) if one.version else []) for one in page]
    context = {"rows": rows, "page": page, "text": text, "archived": archived, "place": "channels:templates"}
    part = bool(request.headers.get("HX-Request"))
    return render(request, "channels/partials/template_list.html" if part else "channels/templates.html", context)


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "HEAD", "POST"])
def new_template(request: HttpRequest) -> HttpResponse:
    """Write one, in the organisation's language."""
    first = {
        "language": settings.ORGANISATION_LANGUAGE,
        "base": 0,
        "topic": Topic.objects.filter(slug="transactional").first(),
    }
    form = TemplateForm(request.POST if request.method == "POST" else None, initial=first)
    if form.is_bound and form.is_valid():
        try:
            made = services.create_template(
                details=form.details(services.free_slug(form.cleaned_data["name"])),
                draft=form.draft(),
                by_id=request.user.pk,
            )
        except Invalid as refusal:
            form.take_errors(refusal)
        else:
            toasts.success(request, _("Template saved."))
            return redirect(made)
    return _show(request, form, None, str(form["language"].value()))


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def template(request: HttpRequest, pk: int) -> HttpResponse:
    """Read one with its preview; managers write it. Saving makes a version."""
    found = get_object_or_404(Template.objects.select_related("version", "topic"), pk=pk, version__isnull=False)
    may_write = access_of(request).manages and found.archived_at is None
    if request.method != "POST":
        language = _language_asked(request, found.version)
        form = TemplateForm(initial=initial_of(found, language), may_write=may_write)
        return _show(request, form, found, language)
    if not may_write:
        return _refused(request, found)
    form = TemplateForm(request.POST)
    if form.is_valid() and _save(request, form, found):
        url = reverse("channels:template", args=[found.pk])
        return redirect(f"{url}?language={form.cleaned_data['language']}")
    return _show(request, form, found, str(form["language"].value()))


def _save(request: HttpRequest, form: TemplateForm, found: Template) -> bool:
    before = found.version.number if found.version else 0
    try:
        changed = services.save_template(
            template_id=found.pk, details=form.details(found.slug), draft=form.draft(), by_id=request.user.pk
        )
    except Invalid as refusal:
        form.take_errors(refusal)
        return False
    except services.Outdated as news:
        _tell_outdated(form, news.version)
        return False
    if changed:
        undo = reverse("channels:template-restore", args=[found.pk, before])
        toasts.success(request, _("Saved as version %d.") % (before + 1), extra_tags=f"undo:{undo}")
    else:
        toasts.success(request, _("Saved; the words are as they were."))
    return True


def _tell_outdated(form: TemplateForm, theirs: TemplateVersion) -> None:
    """What was typed stays; saving it once more puts it over the other's words."""
    form.data = {**dict(form.data.items()), "base": theirs.number}
    who = (
        (theirs.created_by.get_short_name() or theirs.created_by.get_username()) if theirs.created_by else _("Somebody")
    )
    words = _(
        "%(who)s saved version %(number)d while you were writing. Yours is still here: compare, then save it again."
    )
    form.add_error(None, words % {"who": who, "number": theirs.number})


def _refused(request: HttpRequest, found: Template) -> HttpResponse:
    if found.archived_at is not None:
        toasts.error(request, _("It is archived: bring it back to change it."))
        return redirect(found)
    return render(request, "403.html", status=403)


def _show(request: HttpRequest, form: TemplateForm, found: Template | None, language: str) -> HttpResponse:
    version = found.version if found else None
    context: dict[str, Any] = {
        "form": form,
        "template": found,
        "version": version,
        "language": language,
        "language_label": language_label(language),
        "languages": spoken(version.languages) if version else [],
        "is_written": bool(version and language in version.texts),
        "may_write": access_of(request).manages and (found is None or found.archived_at is None),
        "needs": given_along(version) if version else [],
        "values": VALUES.items(),
        "how": HOW,
        "place": "channels:templates",
    }
    if version is not None:
        context["test_form"] = TestSendForm(
            channels=channels_for_tests(),
            initial={"language": language, "address": request.user.email},  # type: ignore[union-attr]
        )
    context |= preview_context(request, form, language)
    return render(request, "channels/template.html", context, status=422 if form.errors else 200)


def _language_asked(request: HttpRequest, version: TemplateVersion | None) -> str:
    """The language in the address, if it is one; else the one that the organisation speaks, or the nearest."""
    asked = request.GET.get("language", "").strip()
    if asked and not language_problem(asked):
        return asked
    if asked:
        toasts.error(request, language_problem(asked))
    return choose_language("", version.texts if version else []) or settings.ORGANISATION_LANGUAGE


@role_required(OfficeRole.MANAGER)
@posted_from("channels:template")
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Put it away."""
    found = get_object_or_404(Template, pk=pk)
    if services.archive_template(template_id=found.pk):
        undo = reverse("channels:template-bring-back", args=[pk])
        toasts.success(request, _("“%s” is archived.") % found.name, extra_tags=f"undo:{undo}")
    return redirect("channels:templates")


@role_required(OfficeRole.MANAGER)
@posted_from("channels:template")
def bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it be chosen again."""
    found = get_object_or_404(Template, pk=pk)
    if services.bring_back_template(template_id=found.pk):
        toasts.success(request, _("“%s” can be chosen again.") % found.name)
    return redirect(found)


@role_required(OfficeRole.MANAGER)
@posted_from("channels:template")
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """A copy to change."""
    found = get_object_or_404(Template, pk=pk, version__isnull=False)
    copy = services.duplicate_template(template_id=found.pk, by_id=request.user.pk)
    toasts.success(request, _("This is the copy."))
    return redirect(copy)


@role_required(OfficeRole.MANAGER)
@posted_from("channels:template")
def drop_language(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one language out; the versions before keep it."""
    found = get_object_or_404(Template.objects.select_related("version"), pk=pk, version__isnull=False)
    before, tag = found.version, request.POST.get("language", "")
    try:
        services.drop_language(template_id=found.pk, language=tag, by_id=request.user.pk)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
        return redirect(found)
    if before is not None:
        undo = reverse("channels:template-restore", args=[pk, before.number])
        toasts.success(request, _("%s is taken out.") % language_label(tag), extra_tags=f"undo:{undo}")
    return redirect(found)
