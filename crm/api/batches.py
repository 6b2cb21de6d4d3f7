"""Lists of up to 1,000 rows, answered row by row."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from crm.api.errors import errors_of
from crm.errors import Invalid

Bad = dict[int, Exception]
ROW_STATUSES = [(name, name) for name in ("created", "duplicate", "error")]


class RowResult(serializers.Serializer):
    """What became of one row."""

    index = serializers.IntegerField()
    status = serializers.ChoiceField(ROW_STATUSES)
    id = serializers.IntegerField(required=False)
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


class BatchShape(serializers.Serializer):
    """A result per row, and how many of each kind there are."""

    results = RowResult(many=True)
    created = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]


def batch_of(kind: type[serializers.Serializer], name: str) -> PolymorphicProxySerializer:
    """The schema of a body that is one object or a list of them."""
    return PolymorphicProxySerializer(
        component_name=name, serializers=[kind, kind(many=True)], resource_type_field_name=None, many=False
    )


def either(name: str, *kinds: type[serializers.Serializer]) -> PolymorphicProxySerializer:
    """The schema of an answer that is one thing or another."""
    return PolymorphicProxySerializer(
        component_name=name, serializers=list(kinds), resource_type_field_name=None, many=False
    )


def check_rows(kind: type[serializers.Serializer], rows: Sequence[Any]) -> tuple[dict[int, dict[str, Any]], Bad]:
    """Rows that a serializer accepts, and what is wrong with the others, each by index."""
    good: dict[int, dict[str, Any]] = {}
    bad: Bad = {}
    serializer = kind()
    for index, row in enumerate(rows):
        try:
            good[index] = serializer.run_validation(row)
        except ValidationError as error:
            bad[index] = error
    return good, bad


def answer_rows(count: int, done: Mapping[int, dict[str, Any]], bad: Bad, *, status: int) -> Response:
    """The results in the order of the rows: `status` where all are good, 207 where some are not."""
    results = [{"index": index, **(done.get(index) or _refusal(bad[index]))} for index in range(count)]
    told = [result["status"] for result in results]
    return Response(
        {
            "results": results,
            "created": told.count("created"),
            "duplicates": told.count("duplicate"),
            "errors": told.count("error"),
        },
        status=207 if bad else status,
    )


def _refusal(error: Exception) -> dict[str, Any]:
    if not isinstance(error, Invalid | ValidationError):
        raise error
    return {"status": "error", "errors": errors_of(error)}
