"""Where vendors call: the signature first, the raw receipt next, everything else later."""

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels.adapters import answer_of, ear_of
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
def vendor_callback(request: HttpRequest, vendor: str, kind: str) -> HttpResponse:
    """A callback of any other vendor of the registry: “status” tells of what we sent, “inbound” what people wrote."""
    return _take(request, f"{vendor}:{kind}")


def _take(request: HttpRequest, source: str) -> HttpResponse:
    try:
        ear, answer = ear_of(source), answer_of(source)
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
