"""A value is text: what it holds can neither begin markup nor another line, nor hide."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s+")
# CommonMark 0.31, 2.4: any ASCII punctuation sign may be escaped by a backslash.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def as_text(value: str) -> str:
    """Without signs that control or turn the direction of what stands around them."""
    return _CONTROL.sub("", value)


def as_markdown(value: str) -> str:
    """One line, in which no sign means anything to Markdown."""
    return _PUNCTUATION.sub(r"\\\1", _SPACE.sub(" ", as_text(value)))


def as_line(text: str) -> str:
    """A whole text as one line: a subject, a title."""
    return _SPACE.sub(" ", as_text(text)).strip()
