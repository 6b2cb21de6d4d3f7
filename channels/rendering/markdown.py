"""Markdown to the HTML of an email, and to plain text: no HTML of a writer's own, links to the web and mail alone."""

from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

SCHEMES = frozenset({"http", "https", "mailto", "tel"})
BUTTON = "button"
"""A link with this title looks like a button: `[Book](https://… "button")`."""
_TAGS = {
    "p": {"style"}, "h1": {"style"}, "h2": {"style"}, "h3": {"style"}, "ul": {"style"}, "ol": {"style", "start"},
    "li": {"style"}, "a": {"href", "style", "class"}, "img": {"src", "alt", "style"}, "hr": {"style"},
    "blockquote": {"style"}, "strong": set(), "em": set(), "br": set(), "table": {"style"}, "thead": set(),
    "tbody": set(), "tr": set(), "th": {"style"}, "td": {"style"}, "s": set(),
}  # fmt: skip
_PROPERTIES = frozenset(
    {
        "margin",
        "padding",
        "font-size",
        "font-weight",
        "line-height",
        "color",
        "background",
        "border",
        "border-left",
        "border-top",
        "border-radius",
        "display",
        "text-decoration",
        "max-width",
        "height",
        "width",
        "border-collapse",
        "text-align",
    }
)
_EDGE = "1px solid #8d949a"
_STYLES = {
    "p": "margin:0 0 16px",
    "h1": "margin:0 0 12px;font-size:24px;line-height:1.25",
    "h2": "margin:8px 0 10px;font-size:19px;line-height:1.3",
    "h3": "margin:8px 0 8px;font-size:16px;line-height:1.35",
    "ul": "margin:0 0 16px;padding:0 24px",
    "ol": "margin:0 0 16px;padding:0 24px",
    "li": "margin:0 0 6px",
    "hr": f"border:0;border-top:{_EDGE};margin:24px 0",
    "blockquote": "margin:0 0 16px;padding:0 0 0 14px;border-left:3px solid #8d949a",
    "img": "max-width:100%;height:auto;border:0",
    "table": "border-collapse:collapse;width:100%;margin:0 0 16px",
    "th": f"padding:6px 8px;border:{_EDGE};text-align:left",
    "td": f"padding:6px 8px;border:{_EDGE}",
}
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
_markdown.disable(["code", "fence", "backticks", "html_block", "html_inline"])


def to_html(source: str, *, colour: str) -> str:
    """The text as HTML with its styles beside it, as mail programs want them; `colour` is that of links."""
    tokens = _markdown.parse(source)
    for token in tokens:
        for one in (token, *(token.children or ())):
            _style(one, colour)
    html = RendererHTML().render(tokens, _markdown.options, {})
    return _cleaner().clean(html)


def to_text(source: str) -> str:
    """The text without signs of markup: lists keep their dashes, a link shows its address."""
    return "\n\n".join(_blocks(_markdown.parse(source))).strip()


def images_without_words(source: str) -> int:
    """How many pictures say nothing to those who do not see them."""
    inline = [one for token in _markdown.parse(source) for one in token.children or ()]
    return sum(one.type == "image" and not one.content.strip() for one in inline)


def _style(token: Token, colour: str) -> None:
    if token.type == "link_open":
        is_button = token.attrGet("title") == BUTTON
        token.attrs.pop("title", None)
        if is_button:
            token.attrSet("class", BUTTON)
        token.attrSet("style", _button(colour) if is_button else f"color:{colour};text-decoration:underline")
    elif token.tag in _STYLES and token.nesting >= 0:
        if token.type == "image":
            token.attrs.pop("title", None)
        token.attrSet("style", _STYLES[token.tag])


def _button(colour: str) -> str:
    return (
        f"display:inline-block;background:{colour};color:#ffffff;padding:12px 22px;border-radius:6px;"
        "text-decoration:none;font-weight:600"
    )


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    """A second guard: whatever the parser may let through, only these leave."""
    return nh3.Cleaner(
        tags=frozenset(_TAGS),
        attributes={tag: frozenset(names) for tag, names in _TAGS.items()},
        url_schemes=SCHEMES,
        filter_style_properties=_PROPERTIES,
        link_rel=None,
    )


def _blocks(tokens: Sequence[Token]) -> list[str]:
    """Blocks of plain text; a list is one of them."""
    done: list[str] = []
    numbers: list[int] = []
    marks: list[str] = []
    begins_list = False
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            begins_list = begins_list or not numbers
            numbers.append(_first_number(token))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            numbers.pop()
        elif token.type == "list_item_open":
            marks.append(_mark(numbers))
        elif token.type == "hr":
            done.append("---")
        elif token.type == "inline":
            text = "".join(marks) + _line(token.children or [])
            if numbers and marks and not begins_list:
                done[-1] += "\n" + text
            else:
                done.append(text)
            marks, begins_list = [], False
    return done


def _first_number(token: Token) -> int:
    """Of an ordered list; 0 for dashes."""
    return 0 if token.type == "bullet_list_open" else int(token.attrGet("start") or 1)


def _mark(numbers: list[int]) -> str:
    number = numbers[-1]
    if number:
        numbers[-1] += 1
    return "  " * (len(numbers) - 1) + (f"{number}. " if number else "- ")


def _line(tokens: Sequence[Token]) -> str:
    said, links = "", []
    for token in tokens:
        if token.type in ("text", "text_special"):
            said += token.content
        elif token.type in ("softbreak", "hardbreak"):
            said += "\n"
        elif token.type == "image":
            said += token.content
        elif token.type == "link_open":
            links.append((str(token.attrGet("href") or ""), len(said)))
        elif token.type == "link_close":
            said += _address(*links.pop(), said)
    return said


def _address(href: str, start: int, said: str) -> str:
    shown = href.removeprefix("mailto:").removeprefix("tel:")
    return "" if said[start:] in (href, shown) else f" ({shown})"
