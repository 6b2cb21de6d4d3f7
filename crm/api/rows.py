"""Reads the rows of the log's one large body: by a typed decoder where a row is plainly right, else by the serializer.

The serializer is what the schema describes, and it words every error. The decoder only takes rows that the serializer
would take unchanged, at a hundredth of its cost; anything else is the serializer's.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from crm.enums import Channel, Direction
from crm.selectors.references import Named
from crm.services import NewInteraction

Bad = dict[int, Exception]
Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


def _text(most: int, least: int = 0) -> Any:
    return Annotated[str, msgspec.Meta(min_length=least, max_length=most)]


class PlainRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row as `InteractionBody` describes it, with nothing to trim and nothing to convert."""

    family: Reference
    interaction_type: _text(60, 1)  # type: ignore[valid-type]
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]
    external_system: _text(40, 1)  # type: ignore[valid-type]
    external_id: _text(200, 1)  # type: ignore[valid-type]
    member: Reference | Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    channel: Literal[("", *Channel.values)] = ""  # type: ignore[valid-type]
    direction: Literal[("", *Direction.values)] = ""  # type: ignore[valid-type]
    outcome: _text(60) = ""  # type: ignore[valid-type]
    in_reply_to: _text(200) = ""  # type: ignore[valid-type]
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)

    def is_trimmed(self) -> bool:
        """Whether no text begins or ends with a blank."""
        return (
            self.family == self.family.strip()
            and self.interaction_type == self.interaction_type.strip()
            and self.external_system == self.external_system.strip()
            and self.external_id == self.external_id.strip()
            and self.outcome == self.outcome.strip()
            and self.in_reply_to == self.in_reply_to.strip()
        )


class RowReader:
    """Turns rows into what the service takes, each with the names that are still to be looked up."""

    def __init__(self, serializer: serializers.Serializer, *, closed: dict[str, frozenset[str]]) -> None:
        """`closed` are values by field that only the serializer may speak about."""
        self._serializer = serializer
        self._closed = [(attrgetter(name), values) for name, values in closed.items()]

    def read(self, rows: Sequence[Any]) -> tuple[dict[int, tuple[Named, NewInteraction]], Bad]:
        """Readable rows, and what is wrong with the others, each by index."""
        good: dict[int, tuple[Named, NewInteraction]] = {}
        bad: Bad = {}
        for index, (row, plain) in enumerate(zip(rows, _decoded(rows), strict=True)):
            try:
                good[index] = _taken(plain) if plain and self._is_open(plain) else self._carefully(row)
            except ValidationError as error:
                bad[index] = error
        return good, bad

    def _is_open(self, one: PlainRow) -> bool:
        for value_of, values in self._closed:
            if value_of(one) in values:
                return False
        return one.is_trimmed()

    def _carefully(self, row: Any) -> tuple[Named, NewInteraction]:
        given = dict(self._serializer.run_validation(row))
        return Named(given.pop("family"), given.pop("member", None)), NewInteraction(family_id=0, **given)


def _decoded(rows: Sequence[Any]) -> Sequence[PlainRow | None]:
    """Rows that are plainly right; all at once where every one is."""
    try:
        return msgspec.convert(rows, list[PlainRow])
    except msgspec.ValidationError:
        return [_decoded_one(row) for row in rows]


def _decoded_one(row: Any) -> PlainRow | None:
    try:
        return msgspec.convert(row, PlainRow)
    except msgspec.ValidationError:
        return None


def _taken(one: PlainRow) -> tuple[Named, NewInteraction]:
    member = None if one.member is None else str(one.member)
    return (
        Named(one.family, member),
        NewInteraction(
            family_id=0,
            interaction_type=one.interaction_type,
            occurred_at=one.occurred_at,
            external_system=one.external_system,
            external_id=one.external_id,
            channel=one.channel,
            direction=one.direction,
            outcome=one.outcome,
            in_reply_to=one.in_reply_to,
            metadata=one.metadata,
        ),
    )
