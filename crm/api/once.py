"""The header `Idempotency-Key`: a change that is asked for again gets the first answer and does nothing."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.auth import owner_of
from crm.errors import Invalid
from crm.services.answers import Asked, BeingAnswered, OtherRequest, give_turn_back, keep_answer, take_turn

HEADER = "Idempotency-Key"
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that heed it."""
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"\A[\x21-\x7e]{1,255}\Z")
Handler = Callable[..., HttpResponseBase]


class AnotherBody(exceptions.APIException):
    """A key that stands for another request."""

    status_code = 422
    default_detail = _("This Idempotency-Key was used for another body; take a new key for a new request.")


class InWork(exceptions.APIException):
    """The same request, sent again before the first was answered."""

    status_code = 409
    default_detail = _("The request with this Idempotency-Key is still being answered; ask again in a moment.")
    wait = 1


def answering_once(handler: Handler) -> Handler:
    """The handler, or for a request with the header its first answer."""

    def once(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = _asked(request)
        try:
            kept = take_turn(asked)
            if kept.status is not None:
                return _again(kept.status, kept.body)
        except OtherRequest:
            raise AnotherBody from None
        except BeingAnswered:
            raise InWork from None
        try:
            with transaction.atomic():
                response = handler(request, *args, **kwargs)
                keep_answer(kept=kept, status=response.status_code, body=_text(response))
        except BeingAnswered:
            raise InWork from None
        except BaseException:
            give_turn_back(kept)
            raise
        return response

    return once


def _asked(request: Request) -> Asked:
    key = request.headers[HEADER].strip().strip('"')
    if not _KEY.match(key):
        raise Invalid({HEADER: str(_("Use 1 to 255 visible characters."))})
    digest = hashlib.sha256(request.get_full_path().encode() + b"\n" + request._request.body).hexdigest()
    return Asked(owner=owner_of(request), route=f"{request.method} {request.path}"[:200], key=key, digest=digest)


def _text(response: HttpResponseBase) -> str:
    return JSONRenderer().render(response.data).decode() if isinstance(response, Response) else ""


def _again(status: int, body: str) -> HttpResponse:
    again = HttpResponse(body, status=status, content_type="application/json", headers={REPLAYED: "true"})
    if not body:
        del again["Content-Type"]
    return again
