"""What a draft looks like on every channel, for a real family, as it is typed; and a test to oneself."""

from typing import Any

from csp.decorators import csp
from django.contrib import messages as toasts
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from channels.models import Template
from channels.policy.types import CHANNEL_ORDER
from channels.rendering import choose_language, language_label
from channels.selectors.previews import preview_text
from channels.senders import ready_channels
from channels.services.trying_out import send_test
from channels.template_forms import TemplateForm, TestSendForm
from crm.errors import Invalid
from crm.models import Family, Topic
from crm.roles import OfficeRole, role_required
from crm.views.posting import posted_from

SEAL = "email-preview"
SEAL_SECONDS = 3600
FOUND = 8


def preview_context(request: HttpRequest, form: TemplateForm, language: str) -> dict[str, Any]:
    """The preview of a form as it stands: of what was typed, else of what it began with."""
    family = _family_of(request)
    if form.is_bound:
        form.is_valid()
        text, given = form.text(), form.cleaned_data
        samples, topic = given.get("samples") or {}, given.get("topic")
    else:
        bound = TemplateForm({name: _plain(value) for name, value in form.initial.items()})
        bound.is_valid()
        text, samples, topic = bound.text(), bound.cleaned_data.get("samples") or {}, bound.cleaned_data.get("topic")
    preview = preview_text(
        text=text, family=family, topic=topic.name if topic else "", language=language, samples=samples
    )
    return {
        "preview": preview,
        "sealed": signing.dumps(preview.html, salt=SEAL, compress=True) if preview.html else "",
        "family": family,
        "reads": _other_language(family, language),
    }


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, Topic) else value


def _other_language(family: Family | None, language: str) -> str:
    """The family's language, where it is not the one that is shown."""
    same = family is None or choose_language(family.language, [language, family.language]) == language
    return "" if same or family is None else language_label(family.language)


def _family_of(request: HttpRequest) -> Family | None:
    asked = request.POST.get("family") or request.GET.get("family") or ""
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        return Family.objects.filter(pk=int(asked)).first()
    return Family.objects.exclude(stage="left").order_by("name", "id").first()


def channels_for_tests() -> list[str]:
    """Channels that carry a test to an address that one can type."""
    ready = ready_channels()
    return [one for one in CHANNEL_ORDER if one in ready and one in ("email", "sms", "whatsapp", "rcs")]


@role_required(OfficeRole.STAFF)
@posted_from("channels:templates")
def preview(request: HttpRequest) -> HttpResponse:
    """The draft as it stands; what cannot be read is told beside it and is no error here."""
    form = TemplateForm(request.POST)
    language = request.POST.get("language", "")[:35]
    context = {"form": form, "language": language, **preview_context(request, form, language)}
    return render(request, "channels/partials/template_preview.html", context)


@role_required(OfficeRole.STAFF)
@xframe_options_sameorigin
@csp(
    {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["https:", "data:"],
        "frame-ancestors": ["'self'"],
        "sandbox": ["allow-popups"],
    }
)
@posted_from("channels:templates")
def preview_email(request: HttpRequest) -> HttpResponse:
    """The email in a frame of its own: only HTML that we made a moment ago, without any script."""
    try:
        html = signing.loads(request.POST.get("sealed", ""), salt=SEAL, max_age=SEAL_SECONDS)
    except signing.BadSignature:
        return HttpResponse(_("This preview is too old. Load the page again."), content_type="text/plain", status=400)
    return HttpResponse(html)


@role_required(OfficeRole.STAFF)
@require_GET
def preview_families(request: HttpRequest) -> HttpResponse:
    """Families to choose for the preview."""
    text = request.GET.get("q", "")[:200].strip()
    found = Family.objects.search(text).order_by("name", "id")[:FOUND] if text else []
    context = {"found": found, "text": text, "chosen": request.GET.get("family", "")}
    return render(request, "channels/partials/template_families.html", context)


@role_required(OfficeRole.STAFF)
@posted_from("channels:template")
def test_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the saved version to oneself; the page of the message tells what became of it."""
    found = get_object_or_404(Template.objects.select_related("version", "topic"), pk=pk, version__isnull=False)
    form = TestSendForm(request.POST, channels=channels_for_tests())
    sent = _send_test(request, form, found) if form.is_valid() else None
    if sent is None:
        for words in (error for errors in form.errors.values() for error in errors):
            toasts.error(request, _("No test was sent. %s") % words)
        return redirect(found)
    if sent.status == "blocked":
        toasts.error(request, _("No test was sent: %s.") % sent.error)
    else:
        toasts.success(request, _("The test is on its way."), extra_tags=f"link:{sent.get_absolute_url()}")
    return redirect(found)


def _send_test(request: HttpRequest, form: TestSendForm, found: Template) -> Any:
    given = form.cleaned_data
    if found.version is None:
        return None
    try:
        return send_test(
            template=found,
            version=found.version,
            language=given["language"],
            family=Family.objects.filter(pk=given["family"] or 0).first(),
            channel=given["channel"],
            address=given["address"],
            user=request.user,
        )
    except Invalid as refusal:
        form.take_errors(refusal.errors)
        return None


test_send.__test__ = False  # type: ignore[attr-defined]
