"""The frame of an email: MJML, made into tables that every mail program shows, at most 600 px wide.

The frame is made once for an organisation, a language and a logo; what a message says is put into its places.
"""

from functools import lru_cache
from html import escape

import mrml
from django.conf import settings

from channels.rendering.languages import is_right_to_left

_TITLE, _PREHEADER, _BODY, _FOOT = "@@title@@", "@@preheader@@", "@@body@@", "@@foot@@"
_FONT = "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
# What a client shows beside the subject would else go on with the first words of the body.
_AFTER_PREHEADER = "&#847;&zwnj;&nbsp;" * 60
_DARK = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
.words a { word-break: break-word; }
@media (prefers-color-scheme: dark) {
  .ground, .ground > table, body { background: #14171a !important; background-color: #14171a !important; }
  .card, .card > table { background: #1c2024 !important; background-color: #1c2024 !important; }
  .words div, .words h1, .words h2, .words h3, .name div { color: #e4e8ea !important; }
  .words a:not(.button) { color: #8fd6d6 !important; }
  .foot div { color: #a3adb4 !important; }
}
"""


def in_layout(*, body: str, title: str, preheader: str, language: str, foot: str = "") -> str:
    """The whole email as HTML; `body` is clean HTML, all else plain text."""
    frame = _frame(
        settings.ORGANISATION_NAME,
        settings.ORGANISATION_LOGO_URL,
        settings.ORGANISATION_COLOUR,
        settings.BASE_URL,
        language,
    )
    shown = escape(preheader) + _AFTER_PREHEADER if preheader else ""
    places = {_TITLE: escape(title), _PREHEADER: shown, _BODY: body, _FOOT: escape(foot or settings.ORGANISATION_NAME)}
    return "".join(places.get(part, part) for part in frame)


@lru_cache(maxsize=64)
def _frame(name: str, logo: str, colour: str, web: str, language: str) -> tuple[str, ...]:
    """The frame cut at its places, so that nothing that a message says is looked at again."""
    # Without its list of fonts no mail program is sent to fetch one from a stranger.
    options = mrml.RenderOptions(fonts={})
    html = str(mrml.to_html(_mjml(name, logo, colour, web, language), render_options=options).content)
    parts = [html]
    for place in (_TITLE, _PREHEADER, _BODY, _FOOT):
        parts = [piece for part in parts for piece in _cut(part, place)]
    return tuple(parts)


def _cut(part: str, place: str) -> list[str]:
    cut: list[str] = []
    for piece in part.split(place):
        cut += [place, piece]
    return cut[1:]


def _mjml(name: str, logo: str, colour: str, web: str, language: str) -> str:
    direction = "rtl" if is_right_to_left(language) else "ltr"
    side = "right" if direction == "rtl" else "left"
    shown = f'align="{side}" padding="0"'
    head = (
        f'<mj-image src="{escape(logo)}" alt="{escape(name)}" href="{escape(web)}" width="140px" {shown} />'
        if logo
        else f'<mj-text css-class="name" font-size="18px" font-weight="600" color="{colour}" {shown}>'
        f"{escape(name)}</mj-text>"
    )
    return f"""<mjml lang="{escape(language)}" dir="{direction}">
<mj-head>
  <mj-title>{_TITLE}</mj-title><mj-preview>{_PREHEADER}</mj-preview>
  <mj-attributes><mj-all font-family="{_FONT}" /></mj-attributes>
  <mj-raw>
    <meta name="color-scheme" content="light dark" />
    <meta name="supported-color-schemes" content="light dark" />
  </mj-raw>
  <mj-style>{_DARK}</mj-style>
</mj-head>
<mj-body width="600px" background-color="#f3f1ec" css-class="ground">
  <mj-section padding="24px 24px 12px" direction="{direction}"><mj-column>{head}</mj-column></mj-section>
  <mj-section css-class="card" background-color="#ffffff" border-radius="8px" border-top="4px solid {colour}"
      padding="28px 24px 16px" direction="{direction}">
    <mj-column><mj-text css-class="words" font-size="16px" line-height="1.5" color="#1d2327" {shown}>
      {_BODY}</mj-text></mj-column>
  </mj-section>
  <mj-section padding="16px 24px 32px" direction="{direction}"><mj-column>
    <mj-text css-class="foot" font-size="13px" line-height="1.5" color="#58626a" {shown}>{_FOOT}</mj-text>
  </mj-column></mj-section>
</mj-body></mjml>"""
