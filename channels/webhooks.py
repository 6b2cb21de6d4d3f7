"""Where vendors call: the signature first, the raw receipt next, everything else later."""

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels.adapters import ear_of
from channels.ports import Refused
from channels.services.receipts import count_refusal, store_receipt
from crm.roles import everyone


@everyone
@csrf_exempt
@require_http_methods(["POST", "HEAD", "GET"])
def email_callback(request: HttpRequest, esp: str, kind: str) -> HttpResponse:
    """A tracking callback of an email vendor; HEAD and GET answer a vendor's look whether we are there."""
    return _take(request, f"email:{esp}:{kind}")


@everyone
@csrf_exempt
@require_http_methods(["POST"])
def twilio_callback(request: HttpRequest, kind: str) -> HttpResponse:
    """Twilio's status and inbound callbacks; the empty answer is valid TwiML that says nothing."""
    return _take(request, f"twilio:{kind}", answer=("<Response/>", "text/xml"))


@everyone
@csrf_exempt
@require_http_methods(["POST"])
def push_report(request: HttpRequest, kind: str) -> HttpResponse:
    """What a browser tells of a push message that it got."""
    return _take(request, f"webpush:{kind}")


def _take(request: HttpRequest, source: str, answer: tuple[str, str] = ("", "text/plain")) -> HttpResponse:
    try:
        ear = ear_of(source)
    except KeyError:
        return HttpResponse("nobody listens here", status=404, content_type="text/plain")
    if request.method != "POST":
        return HttpResponse("", content_type="text/plain")
    try:
        body = request.body
        ear.verify(request)
    except RequestDataTooBig:
        count_refusal(source=source, reason="too large")
        return HttpResponse("too large", status=413, content_type="text/plain")
    except Refused as refusal:
        count_refusal(source=source, reason=refusal.reason)
        return HttpResponse("refused", status=refusal.status, content_type="text/plain")
    try:
        store_receipt(
            source=source,
            path=request.path,
            query=request.META.get("QUERY_STRING", ""),
            content_type=request.content_type or "",
            headers=dict(request.headers),
            body=body,
        )
    except DatabaseError:
        # Not kept: the vendor must bring it again.
        return HttpResponse("try again", status=503, content_type="text/plain")
    return HttpResponse(answer[0], content_type=answer[1])
