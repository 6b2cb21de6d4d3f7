"""Liquid with limits, for what staff write: nothing of Django's templates, no file, no endless loop.

python-liquid limits the product of nested loops, the output and what `assign` keeps. On top of that all turns of all
loops together, all look-ups of values, and the length of a text are counted, so that rendering ends within a moment.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TextIO

from django.utils.translation import gettext as _
from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import LiquidError, LoopIterationLimitError, ResourceLimitError
from liquid.stringify import to_liquid_string
from liquid.undefined import Undefined

from channels.rendering.dates import date_filter
from channels.rendering.escaping import as_markdown, as_text

LONGEST_SOURCE, LONGEST_OUTPUT = 20_000, 100_000
MOST_TURNS, MOST_LOOKUPS, MOST_MARKS = 500, 20_000, 1_000
DEEPEST, MOST_KEPT_BYTES = 10, 100_000
TAGS = ("if", "unless", "case", "for", "break", "continue", "assign", "comment")
FILTERS = (
    "default", "upcase", "downcase", "capitalize", "strip", "append", "prepend", "truncate", "truncatewords", "date",
    "first", "last", "size", "join", "plus", "minus", "times", "divided_by", "round", "url_encode",
)  # fmt: skip
_FORGIVING = ("default", "first", "last", "size")
"""These ask about a value, and say nothing of it."""
_INNER = ("content", "output", "illegal")
_missing: ContextVar[set[str] | None] = ContextVar("missing", default=None)


class Broken(ValueError):
    """A text that cannot be filled in, in words for staff; `missing` names values that were not there."""

    def __init__(self, words: str, missing: frozenset[str] = frozenset()) -> None:
        super().__init__(words)
        self.missing = missing


class Missing(Undefined):
    """A value that is not there: false in a condition, replaced by `default`, and noted where it would be said."""

    def _note(self) -> None:
        noted = _missing.get()
        if noted is not None:
            path = (self.hint or "").removesuffix(" is undefined")
            noted.add(path if path.startswith(f"{self.name}.") else self.name)

    def __str__(self) -> str:
        self._note()
        return ""

    def __int__(self) -> int:
        self._note()
        return 0

    def items(self) -> Any:
        """What a loop asks for."""
        self._note()
        return ()


class _Context(RenderContext):
    """Counts what happens, over all loops together."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.turns = self.lookups = 0

    @contextmanager
    def loop(self, namespace: Mapping[str, object], forloop: Any) -> Iterator[RenderContext]:
        self.turns += forloop.length
        if self.turns > MOST_TURNS:
            raise LoopIterationLimitError("too many turns of loops", token=None)
        with super().loop(namespace, forloop) as context:
            yield context

    def get(self, path: list[object], **options: Any) -> object:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise ResourceLimitError("too many look-ups", token=None)
        return super().get(path, **options)


class _Template(BoundTemplate):
    context_class = _Context


class _OutputNode(OutputNode):
    """Says a value as its environment wants it said, so that a value is text and never markup."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = to_liquid_string(self.expression.evaluate(context), autoescape=False)
        return buffer.write(context.env.say(value))  # type: ignore[attr-defined]


class _Output(Output):
    node_class = _OutputNode


def _noting(apply: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that says a value: one that is missing is noted, whatever the filter makes of it."""

    @wraps(apply)
    def noted(value: Any, *arguments: Any, **options: Any) -> Any:
        return apply(str(value) if isinstance(value, Missing) else value, *arguments, **options)

    return noted


class _TextEnvironment(Environment):
    """For subjects, texts and links."""

    template_class = _Template
    block_nesting_limit = DEEPEST
    context_depth_limit = DEEPEST
    loop_iteration_limit = MOST_TURNS
    local_namespace_limit = MOST_KEPT_BYTES
    output_stream_limit = LONGEST_OUTPUT
    say = staticmethod(as_text)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.tags = {name: tag for name, tag in self.tags.items() if name in (*TAGS, *_INNER)}
        self.add_tag(_Output)
        self.filters = {
            name: self.filters[name] if name in _FORGIVING else _noting(self.filters[name]) for name in FILTERS
        }
        self.add_filter("date", date_filter)


class _MarkdownEnvironment(_TextEnvironment):
    """For what becomes HTML by way of Markdown."""

    say = staticmethod(as_markdown)


_ENVIRONMENTS = {False: _TextEnvironment(undefined=Missing), True: _MarkdownEnvironment(undefined=Missing)}


def render(source: str, values: Mapping[str, Any], *, markdown: bool = False) -> str:
    """The text with values filled in; raises `Broken`, also where a value that it says is missing."""
    if "{" not in source:
        return source
    noted: set[str] = set()
    token = _missing.set(noted)
    try:
        text = _compiled(source, markdown).render(dict(values))
    except LiquidError as error:
        raise Broken(_words(error)) from error
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise Broken(_("It cannot be worked out: %s") % error) from error
    finally:
        _missing.reset(token)
    if noted:
        names = ", ".join(sorted(noted))
        raise Broken(_("Not there to fill in: %s.") % names, frozenset(noted))
    return text.replace("\x00", "")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a text asks for, found without rendering it: whole paths, without what it assigns itself."""

    paths: frozenset[str]

    @property
    def roots(self) -> frozenset[str]:
        """First parts: `family` of `family.name`."""
        return frozenset(_root(path) for path in self.paths)


def needs_of(source: str) -> Needs:
    """The values that a text asks for; raises `Broken` where it cannot be read."""
    if "{" not in source:
        return Needs(frozenset())
    try:
        found = _compiled(source, False).analyze().globals
    except LiquidError as error:
        raise Broken(_words(error)) from error
    return Needs(frozenset(str(one) for uses in found.values() for one in uses))


def check_source(source: str) -> str:
    """What is wrong with how a text is written; empty where it can be read."""
    try:
        needs_of(source)
    except Broken as error:
        return str(error)
    return ""


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


@lru_cache(maxsize=512)
def _compiled(source: str, markdown: bool) -> BoundTemplate:
    if len(source) > LONGEST_SOURCE:
        raise Broken(_("At most %d characters, please.") % LONGEST_SOURCE)
    if source.count("{{") + source.count("{%") > MOST_MARKS:
        raise Broken(_("At most %d placeholders and tags, please.") % MOST_MARKS)
    return _ENVIRONMENTS[markdown].from_string(source)


def _words(error: LiquidError) -> str:
    """The engine's complaint for staff, with the line where it knows it."""
    if isinstance(error, LoopIterationLimitError):
        return _("Its loops turn more than %d times; that is too much for a message.") % MOST_TURNS
    if isinstance(error, ResourceLimitError):
        return _("It is too large or too deep to be filled in: %s.") % _plain(error)
    line = _line_of(error)
    if line:
        return _("Line %(line)s cannot be read: %(why)s.") % {"line": line, "why": _plain(error)}
    return _("It cannot be read: %s.") % _plain(error)


def _plain(error: LiquidError) -> str:
    return str(error.message or error).rstrip(".")


def _line_of(error: LiquidError) -> int:
    token = error.token
    if token is None or token.start_index < 0:
        return 0
    return token.source.count("\n", 0, token.start_index) + 1
