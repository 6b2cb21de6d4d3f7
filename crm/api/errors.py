"""One error format for the whole API: RFC 9457 problem details, with what is wrong by field."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from crm.errors import Invalid

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"
INVALID = "urn:earshot:invalid"
Errors = dict[str, list[str]]


def problem_details(error: Exception, context: dict[str, Any]) -> Response:
    """Answer any error of a view as a problem; what nobody foresaw is logged and answered as 500."""
    set_rollback()
    if (request := context.get("request")) is not None:
        # A problem is JSON, whatever the view would have answered.
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), PROBLEM
    if isinstance(error, Invalid | exceptions.ValidationError):
        return invalid_fields(errors_of(error))
    known = _as_api_exception(error)
    if known is None:
        log.error("unforeseen error in the API", exc_info=error)
        got_request_exception.send(sender=None, request=request)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, _("Something went wrong here; it has been logged."))
    response = problem(known.status_code, str(known.detail))
    if header := getattr(known, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(known, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _as_api_exception(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound(str(error) or None)
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError()
    return None


class BodyTooLarge(exceptions.APIException):
    """More bytes than settings.DATA_UPLOAD_MAX_MEMORY_SIZE."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The body is too large; send it in smaller batches.")


class LengthRequired(exceptions.APIException):
    """A body that comes in chunks without saying how long it is."""

    status_code = HTTPStatus.LENGTH_REQUIRED
    default_detail = gettext_lazy("Send a Content-Length; a body of unknown length is not read.")


def problem(status: int, detail: str, *, kind: str = "about:blank", errors: Errors | None = None) -> Response:
    """A problem as an answer; `errors` are messages by dotted field, the empty name speaks of the whole."""
    body = _body(status, detail, kind)
    if errors:
        body["errors"] = errors
    return Response(body, status=status, content_type=PROBLEM)


def _body(status: int, detail: str, kind: str = "about:blank") -> dict[str, Any]:
    return {"type": kind, "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}


def problem_outside(status: int, detail: str) -> JsonResponse:
    """The same for what goes wrong before a view of the API is reached."""
    return JsonResponse(_body(status, detail), status=status, content_type=PROBLEM)


def invalid_fields(errors: Errors) -> Response:
    """400 with what is wrong by field."""
    first, words = next(iter(errors.items()))
    detail = f"{first}: {words[0]}" if first else words[0]
    return problem(HTTPStatus.BAD_REQUEST, detail, kind=INVALID, errors=errors)


def errors_of(error: Invalid | exceptions.ValidationError) -> Errors:
    """What is wrong by dotted field (`members.0.name`), whoever found it."""
    if isinstance(error, Invalid):
        return error.errors
    return flatten(error.detail)


def flatten(detail: Any, path: str = "") -> Errors:
    """Nested errors of serializers as a flat mapping of dotted fields to messages."""
    if isinstance(detail, Mapping):
        found: Errors = {}
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            found |= flatten(inner, ".".join(part for part in (path, step) if part))
        return found
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        if all(isinstance(one, str) for one in detail):
            return {path: [str(one) for one in detail]}
        found = {}
        for index, inner in enumerate(detail):
            if inner:
                found |= flatten(inner, f"{path}.{index}" if path else str(index))
        return found
    return {path: [str(detail)]}
