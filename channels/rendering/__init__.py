"""What staff write once, made into what each channel says: Liquid, Markdown, and the layout of an email."""

from channels.rendering.content import Content, plain_text, render_content, sources_of
from channels.rendering.engine import Broken, Needs, check_source, needs_of, render
from channels.rendering.languages import choose_language, language_label, language_problem
from channels.rendering.shapes import CHANNEL_FIELDS, Text
from channels.rendering.values import Reader, check_values, values_for

__all__ = [
    "CHANNEL_FIELDS",
    "Broken",
    "Content",
    "Needs",
    "Reader",
    "Text",
    "check_source",
    "check_values",
    "choose_language",
    "language_label",
    "language_problem",
    "needs_of",
    "plain_text",
    "render",
    "render_content",
    "sources_of",
    "values_for",
]
