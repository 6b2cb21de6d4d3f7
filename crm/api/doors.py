"""What every view of the API is made of."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.text import slugify
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.errors import PROBLEM, LengthRequired
from crm.api.once import CHANGING, HEADER, Handler, answering_once
from crm.api.parsing import StrictJSONParser
from crm.api.throttles import KeyThrottle, rate_headers
from crm.audit import acting_with_key
from crm.models import ApiKey, Family
from crm.selectors.references import find_family

BATCH_LIMIT = 1000
View = TypeVar("View", bound=Callable[..., Response])


class ApiView(APIView):
    """A door for server keys; `scopes` names what each method needs."""

    parser_classes = [StrictJSONParser]
    throttle_classes = [KeyThrottle]
    scopes: dict[str, str] = {}
    writes = True
    """Whether a request changes anything, so that `Idempotency-Key` means something."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As usual; what a key changes is written down under its name."""
        with acting_with_key(self._name_of_key):
            return super().dispatch(request, *args, **kwargs)

    def _name_of_key(self) -> str | None:
        return self.request.auth.name if isinstance(self.request.auth, ApiKey) else None

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """As usual, and say how many requests are left."""
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in rate_headers(request).items():
            response.headers[name] = value
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As usual, and refuse a body that the web layer would take for an empty one."""
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired
        name = str(request.method).lower()
        handler: Handler | None = getattr(self, name, None)
        if handler is not None and request.method in CHANGING and self.writes and HEADER in request.headers:
            # The method that is looked up next, on this view of this one request.
            self.__dict__[name] = answering_once(handler)


class UnknownRoute(APIView):
    """Any address below the API that leads nowhere."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 whatever the method."""
        raise NotFound(_("There is no such address; every address of the API ends in a slash."))


def checked(kind: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    """The data as a serializer understands it; raises `ValidationError`."""
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def family_or_404(reference: str) -> Family:
    """The family of a reference in an address."""
    family = find_family(reference)
    if family is None:
        raise Http404(_("There is no family “%s”.") % reference[:64])
    return family


def rows_of(data: Any) -> list[Any]:
    """A body that is one object or a list of at most 1,000, as a list; raises `ValidationError`."""
    rows = data if isinstance(data, list) else [data]
    if len(rows) > BATCH_LIMIT:
        raise serializers.ValidationError(_("A list holds at most %d rows.") % BATCH_LIMIT)
    return rows


class ProblemShape(serializers.Serializer):
    """RFC 9457 problem details; `errors` holds messages by dotted field."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


_PROBLEMS = {
    400: "Malformed or invalid; nothing was changed.",
    401: "No key, or one that does not work.",
    403: "The key lacks the scope that the problem names.",
    404: "There is no such thing.",
    429: "Too many requests; Retry-After says how many seconds to wait.",
}
_ONCE = {
    409: "The request with this Idempotency-Key is still being answered.",
    422: "This Idempotency-Key was used for another body.",
}


def described(
    summary: str,
    *,
    answers: dict[int, Any],
    takes: Any = None,
    asks: type[serializers.Serializer] | None = None,
    once: bool = True,
) -> Callable[[View], View]:
    """Describe a view method in the schema: its answers by status, its body, its query; problems come of themselves.

    `once` says whether a method that changes anything heeds `Idempotency-Key`.
    """

    def describe(view: View) -> View:
        heeds = once and view.__name__.upper() in CHANGING
        words = _PROBLEMS | (_ONCE if heeds else {})
        problems = {(status, PROBLEM): OpenApiResponse(ProblemShape, description=one) for status, one in words.items()}
        return extend_schema(
            operation_id=slugify(summary).replace("-", "_"),
            summary=summary,
            request=takes,
            parameters=([asks] if asks else []) + ([_KEY] if heeds else []) or None,
            responses={**answers, **problems},
        )(view)

    return describe


_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again within a day with the same body, the request gets the first answer and does nothing.",
)


def page_shape(name: str, row: type[serializers.Serializer]) -> type[serializers.Serializer]:
    """The schema of a page of rows: `results`, and `next` as an address or null."""
    fields = {
        "results": row(many=True),
        "next": serializers.URLField(allow_null=True),
        "__doc__": "One page; `next` is the address of the next one, or null.",
    }
    return type(name, (serializers.Serializer,), fields)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """Says in the schema how a server key is sent."""

    target_class = "crm.api.auth.ApiKeyAuthentication"
    name = "serverKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A server key: esk_…"}


class PortalTokenScheme(OpenApiAuthenticationExtension):
    """Says in the schema how a portal token is sent."""

    target_class = "crm.api.auth.PortalAuthentication"
    name = "portalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A portal token from POST /portal/tokens/"}
