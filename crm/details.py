"""What the metadata of an entry may hold, declared once: checked at the door, shown in the API and in the docs.

Every key may be left out or null; keys that are not declared are kept as they come.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta

Words = Annotated[str, Meta(max_length=65_536)]
Line = Annotated[str, Meta(max_length=8_192)]
Name = Annotated[str, Meta(max_length=300)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Code = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=2_000)]


Subject = Annotated[Line | None, Meta(description="what stands above the text")]
Text = Annotated[Words | None, Meta(description="what was written")]
Url = Annotated[Line | None, Meta(description="the address that was opened")]
Agent = Annotated[Line | None, Meta(description="the program that looked, as it calls itself")]


class Details(msgspec.Struct, kw_only=True):
    """Nothing is declared: everything is kept."""


class SentDetails(Details):
    """A message that left."""

    subject: Subject = None
    title: Subject = None
    text: Text = None
    body: Text = None
    to: Annotated[Line | None, Meta(description="the address it went to")] = None
    provider: Annotated[Name | None, Meta(description="the service that carried it")] = None


class WrittenDetails(Details):
    """What they wrote to us."""

    subject: Subject = None
    text: Text = None
    body: Text = None
    sender: Annotated[Line | None, Meta(description="the address it came from")] = None


class SeenDetails(Details):
    """Somebody, or a program, looked at a message."""

    agent: Agent = None


class ClickedDetails(Details):
    """Somebody followed a link or pressed a button."""

    url: Url = None
    label: Annotated[Line | None, Meta(description="what stood on the link or button")] = None
    agent: Agent = None


class StatusDetails(Details):
    """What a vendor tells of a message on its way."""

    error: Annotated[Words | None, Meta(description="what went wrong, in the vendor's words")] = None
    reason: Annotated[Words | None, Meta(description="why, in a few words")] = None
    response: Annotated[Words | None, Meta(description="what the other side answered")] = None
    code: Annotated[Code | None, Meta(description="the vendor's code")] = None
    address: Annotated[Line | None, Meta(description="the address that failed")] = None


class CallDetails(Details):
    """A phone call."""

    notes: Annotated[Words | None, Meta(description="what was said")] = None
    duration: Annotated[Seconds | None, Meta(description="length in seconds")] = None
    number: Annotated[Name | None, Meta(description="the number that was rung, or that rang")] = None
    task: Annotated[int | None, Meta(description="the call task that it answers")] = None
    replaces: Annotated[int | None, Meta(description="the entry that it stands for, told anew by staff")] = None


class TalkDetails(Details):
    """A talk in person, or a note."""

    subject: Subject = None
    notes: Annotated[Words | None, Meta(description="what was said, or what staff should know")] = None
    text: Text = None
    replaces: Annotated[int | None, Meta(description="the entry that it stands for, told anew by staff")] = None


class VisitDetails(Details):
    """Something done in the portal."""

    title: Annotated[Line | None, Meta(description="the page in words")] = None
    page: Annotated[Line | None, Meta(description="the page or its path")] = None
    path: Annotated[Line | None, Meta(description="the page's path")] = None
    url: Url = None
    name: Annotated[Line | None, Meta(description="what was downloaded")] = None
    document: Annotated[Line | None, Meta(description="what was downloaded")] = None


class EventDetails(Details):
    """Attendance; entries of one event and day are one card."""

    event: Annotated[Code | None, Meta(description="the event's own id: entries that share it belong together")] = None
    name: Annotated[Line | None, Meta(description="what the event is called")] = None
    title: Annotated[Line | None, Meta(description="what the event is called")] = None


class CorrectionDetails(Details):
    """Made by staff only: what a colleague later said of another entry."""

    corrects: Annotated[int | None, Meta(description="the id of the entry")] = None
    reason: Annotated[Words | None, Meta(description="why")] = None
    withdrawn: Annotated[bool | None, Meta(description="true where the entry never happened")] = None
    replaced_by: Annotated[int | None, Meta(description="the entry that tells it anew, at its right time")] = None
    changes: Annotated[
        dict[str, Any] | None, Meta(description="the fields as they should be read, all corrections so far together")
    ] = None
    changed: Annotated[list[str] | None, Meta(description="the fields that this correction set")] = None


def wrong_details(metadata: Mapping[str, Any], kind: type[Details]) -> dict[str, str]:
    """Errors by `metadata.<key>`, empty where all that is declared holds."""
    try:
        msgspec.convert(metadata, kind)
    except msgspec.ValidationError:
        return dict(_each_wrong(metadata, kind))
    return {}


def _each_wrong(metadata: Mapping[str, Any], kind: type[Details]) -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(kind):
        try:
            msgspec.convert(metadata.get(field.name), field.type)
        except msgspec.ValidationError:
            told = {"key": field.name, "what": expected(field.type)}
            yield f"metadata.{field.name}", _("“%(key)s” must be %(what)s.") % told


def expected(declared: Any) -> str:
    """A declared type in words: “text of at most 300 characters”."""
    schema = _plain(msgspec.json.schema(declared))
    return _(" or ").join(_in_words(one) for one in schema.get("anyOf", [schema]))


def _in_words(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "string":
        return _("text of at most {most:,} characters").format(most=schema["maxLength"])
    if kind == "number":
        return _("a number from {least:,} to {most:,}").format(least=schema["minimum"], most=schema["maximum"])
    return {"integer": _("a whole number"), "boolean": _("true or false"), "array": _("a list of texts")}.get(
        str(kind), _("an object")
    )


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """As OpenAPI 3.0 says it: null is no type of its own but a property of one."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    if not kinds:
        return rest
    return {**rest, "nullable": True, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}


def schema_of(kind: type[Details]) -> dict[str, Any]:
    """The JSON schema of one declaration, for OpenAPI; further keys are welcome."""
    keys = {field.name: _plain(msgspec.json.schema(field.type)) for field in msgspec.structs.fields(kind)}
    return {"type": "object", "properties": keys, "additionalProperties": {}}


def keys_of(kind: type[Details]) -> Iterator[tuple[str, str, str]]:
    """Each declared key with what it must be and what it means."""
    for field in msgspec.structs.fields(kind):
        meta = next(one for one in get_args(field.type) if isinstance(one, Meta))
        yield field.name, expected(field.type), meta.description or ""
