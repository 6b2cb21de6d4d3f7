"""docs/interactions.md, written from the declarations, so that it cannot tell anything else than the door checks."""

from collections.abc import Iterator

from crm.details import Details, keys_of
from crm.vocabulary import TYPES, WINDOW_HOURS, InteractionType

_HEAD = """# Types of interaction

Written by `manage.py describe_interactions > docs/interactions.md` from `crm/vocabulary.py` and `crm/details.py`.

A type that is not in this table is kept as history under its own name and counts as nothing else.
Channel and direction follow from the type where an entry does not name them. *Attempt*: it carries a message, and what
follows within the channel's window belongs to it. *Engaged*: it proves that a person looked or answered.

## Types

| type | means | channel | direction | kind | counts as | metadata |
|---|---|---|---|---|---|---|
"""
_WINDOWS = """
## Windows

How long after an attempt an answer still belongs to it: {windows}.

## Metadata

Each key may be left out or null. A declared key that holds something else is refused by its name, as in
`metadata.duration`; keys that are not declared are kept as they come. The whole takes at most 128 KB.
"""
_DIRECTIONS = {"out": "from us", "in": "from them", "": "–"}


def interactions_page() -> str:
    """The page as Markdown."""
    windows = ", ".join(f"{channel} {hours} h" for channel, hours in WINDOW_HOURS.items())
    return _HEAD + "".join(map(_row, TYPES.values())) + _WINDOWS.format(windows=windows) + "".join(_details())


def _row(kind: InteractionType) -> str:
    counts = "attempt" if kind.attempt else "engaged" if kind.human else kind.step or "–"
    details = f"[{_title(kind.details)}](#{_title(kind.details)})" if kind.details is not Details else "–"
    cells = (
        f"`{kind.name}`",
        kind.label,
        kind.channel or "–",
        _DIRECTIONS[kind.direction],
        kind.category,
        counts,
        details,
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def _details() -> Iterator[str]:
    for details in dict.fromkeys(kind.details for kind in TYPES.values() if kind.details is not Details):
        yield f"\n### {_title(details)}\n\n{details.__doc__}\n\n| key | must be | is |\n|---|---|---|\n"
        yield from (f"| `{key}` | {what} | {means} |\n" for key, what, means in keys_of(details))


def _title(details: type[Details]) -> str:
    return details.__name__.removesuffix("Details").lower()
