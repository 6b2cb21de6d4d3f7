"""What staff write: filled in within limits, and what a value holds is never more than text."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.rendering import Broken, Reader, Text, choose_language, needs_of, render, render_content, values_for
from channels.rendering.engine import FILTERS, LONGEST_SOURCE, TAGS
from channels.rendering.languages import language_problem
from channels.rendering.markdown import images_without_words, to_html, to_text
from channels.rendering.values import VALUES, check_values

READER = Reader("Martinez family", "RB-1", "en", "enrolled", {"bus": "7", "picnic": True}, "Elena Martinez", "Events")
EVIL = [
    "[click](javascript:alert(1))",
    "<script>alert(1)</script>",
    "# shouting\n\n- a list",
    "](https://evil.example) **bold**",
    "![x](https://evil.example/pixel.png)",
    "a\r\nBcc: everybody@example.org",
    "&lt;b&gt; &amp; <https://evil.example>",
    "`code` _under_ ~~gone~~ | table | 1. one",
    "{{ family.name }} {% for x in (1..9) %}",
    "\u202egnol \x1b[31m\x07",
]


def filled(source: str, given: dict | None = None, *, markdown: bool = False) -> str:
    return render(source, values_for(READER, given or {}), markdown=markdown)


def content(body: str, given: dict | None = None, **extra):
    return render_content(Text("Hello", body, **extra), READER, given or {}, language="en")


# Filling in


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ member.first_name }} of {{ family.name }}", "Elena of Martinez family"),
        ("{% if family.fields.bus %}Bus {{ family.fields.bus }}{% else %}Walk{% endif %}", "Bus 7"),
        ("{% unless family.fields.picnic %}No{% endunless %}picnic", "picnic"),
        ("{% if family.stage == 'paused' %}P{% elsif family.stage == 'enrolled' %}E{% endif %}", "E"),
        ("{% for one in items %}{{ one.name }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "Ana, Ben"),
        ("{% assign who = member.first_name | upcase %}{{ who }}", "ELENA"),
        ("{{ nobody | default: 'friend' }}", "friend"),
        ("{{ day | date: '%A, %-d %B %Y' }}", "Thursday, 12 November 2026"),
        ("{{ items | size }} {{ items | first | default: '-' | size }}", "2 1"),
        ("{% comment %}{{ nothing }}{% endcomment %}x", "x"),
        ("{{ organisation.name }} {{ topic.name }}", "Riverbend Events"),
        ("{{ 7 | divided_by: 2.0 | round: 1 }} {{ 'a b' | url_encode }}", "3.5 a+b"),
    ],
)
def test_what_is_written_is_filled_in(source, said):
    assert filled(source, {"items": [{"name": "Ana"}, {"name": "Ben"}], "day": "2026-11-12"}) == said


def test_dates_speak_the_language_of_the_text():
    text = Text("S", "{{ day | date: '%A, %-d de %B' }}")
    assert "jueves, 12 de noviembre" in render_content(text, READER, {"day": "2026-11-12"}, language="es").body


def test_what_is_missing_is_named_altogether():
    with pytest.raises(Broken) as refusal:
        filled("{{ day }} {{ child.name | upcase }} {% for x in list %}{% endfor %} {{ n | plus: 1 }}")
    assert refusal.value.missing == {"day", "child", "list", "n"}
    with pytest.raises(Broken, match=r"family\.fields\.allergies"):
        filled("{{ family.fields.allergies }}")
    with pytest.raises(Broken) as refusal:
        content("{{ day }}", variants={"sms": {"text": "{{ hour }}"}})
    assert refusal.value.missing == {"day", "hour"}


def test_what_a_text_asks_for_is_known_without_filling_it_in():
    source = (
        "{% for x in items %}{{ x.name }}{{ forloop.index }}{% endfor %}{% assign y = day %}{{ y }}{{ family.name }}"
    )
    assert needs_of(source).paths == {"items", "day", "family.name"}
    assert needs_of(source).roots == {"items", "day", "family"}


def test_nobody_can_give_along_what_is_ours():
    assert filled("{{ family.name }}", {"family": {"name": "Other"}}) == "Martinez family"
    assert "filled in by us" in check_values({"member": "x"})


# Limits


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% for i in (1..1000000000) %}x{% endfor %}", "turn more than"),
        ("{% for a in (1..30) %}{% for b in (1..30) %}x{% endfor %}{% endfor %}", "turn more than"),
        ("{% for a in (1..300) %}{% endfor %}" * 2, "turn more than"),
        ("{% for i in (1..500) %}" + "{% if family.name %}{% endif %}" * 100 + "{% endfor %}", "look-ups"),
        ("{% for i in (1..400) %}" + "x" * 1000 + "{% endfor %}", "too large"),
        ("{% assign x = 'aaaaaaaaaa' %}{% for i in (1..60) %}{% assign x = x | append: x %}{% endfor %}", "too large"),
        ("{% assign x = 99999 %}{% for i in (1..60) %}{% assign x = x | times: x %}{% endfor %}{{ x }}", "too large"),
        ("{% assign x = 99999 %}{% for i in (1..11) %}{% assign x = x | times: x %}{% endfor %}{{ x }}", "worked out"),
        ("{% if a %}" * 30 + "{% endif %}" * 30, "too deep"),
        ("x" * (LONGEST_SOURCE + 1) + "{", "At most"),
        ("{{ a }}" * 1001, "At most"),
        ("{{" * 900, "cannot be read"),
        ("{{ a" + "[b" * 3000 + "]" * 3000 + " }}", "cannot be read"),
        ("{% include 'secrets' %}", "include"),
        ("{% render 'x' %}", "render"),
        ("{% capture x %}y{% endcapture %}", "capture"),
        ("{{ 'x' | no_such_filter }}", "no_such_filter"),
        ("{{ 1 | divided_by: 0 }}", "divide by 0"),
        ("{{ 'today' | date: '%Q' }}", "%Q is not known"),
        ("fine\n{% if %}\n", "Line 2"),
        ("{% for x in items", "Line 1"),
    ],
)
def test_what_would_not_end_or_cannot_be_read_is_refused_at_once(source, words):
    begun = time.perf_counter()
    with pytest.raises(Broken, match=re.escape(words)):
        filled(source)
    assert time.perf_counter() - begun < 2


@given(st.text(alphabet="{}%|'\" ifornelsdab.1(:)[]-\n", max_size=200))
def test_any_text_is_filled_in_or_refused(source):
    try:
        filled(source)
    except Broken:
        return


def test_nothing_of_django_or_python_is_reached():
    for source in ("{{ family.__class__ }}", "{{ family.name.__len__ }}", "{{ settings.SECRET_KEY }}"):
        with pytest.raises(Broken):
            filled(source)


# A value is text


@pytest.mark.parametrize("evil", EVIL)
def test_a_value_is_neither_markup_nor_a_line_of_its_own(evil):
    said = content("Dear {{ who }}, [see]({{ link }}).\n\n> {{ who }}", {"who": evil, "link": "https://a.example/"})
    body = said.html.partition('role="article"')[2]
    tags = set(
        re.findall(
            r"<(script|h1|ul|li|strong|code|table|s|em|h2|img)\b", body.split("Dear")[1].split("</blockquote")[0]
        )
    )
    assert tags == set()
    assert re.findall(r'href="([^"]*)"', body.split("Dear")[1]) == ["https://a.example/"]
    assert "\u202e" not in said.html
    # In the plain text it stands as it is, on one line.
    assert " ".join(evil.split())[:5] in said.body or "\u202e" in evil


@pytest.mark.parametrize("evil", EVIL)
def test_a_subject_is_one_line(evil):
    said = render_content(
        Text("For {{ who }}", "x", {"email": {"subject": "Re {{ who }}"}, "push": {"title": "{{ who }}"}}),
        READER,
        {"who": evil},
        language="en",
    )
    for line in (said.subject, said.variants["email"]["title"], said.variants["push"]["title"]):
        assert not re.search(r"[\x00-\x1f\x7f\u202e]", line)


@given(st.text(max_size=60))
def test_any_value_stands_in_html_as_it_is(value):
    """What a reader sees is the value itself, with white space folded and signs of control left out."""
    html = to_html(f"<{render('{{ v }}', {'v': value}, markdown=True)}>", colour="#000000")
    assert re.findall(r"<(?!/?p\b)[^>]*>", html) == []


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "/inside", "https://", "https://a b", "x"])
def test_a_link_leads_to_the_web(link):
    with pytest.raises(Broken, match="web address"):
        content("x", {"link": link}, variants={"push": {"text": "t", "link": "{{ link }}"}})
    assert 'href="javascript' not in to_html(f"[x](<{link}>)", colour="#000000")


# Markdown, both ways

WRITTEN = """# Come and see

We **meet** at *three* in [the hall](https://example.org/hall).

- Bring a cup
- Bring a [friend](mailto:friend@example.org)

1. First
2. Then

![A map](https://example.org/map.png)
<b>not bold</b>
"""


def test_markdown_becomes_plain_text():
    assert to_text(WRITTEN) == (
        "Come and see\n\nWe meet at three in the hall (https://example.org/hall).\n\n"
        "- Bring a cup\n- Bring a friend (friend@example.org)\n\n1. First\n2. Then\n\nA map\n<b>not bold</b>"
    )


def test_markdown_becomes_html_with_its_styles_beside_it():
    html = to_html(WRITTEN, colour="#123456")
    assert '<a href="https://example.org/hall" style="color:#123456;text-decoration:underline">the hall</a>' in html
    assert '<img src="https://example.org/map.png" alt="A map" style="max-width:100%' in html
    assert "<b>" not in html
    assert "&lt;b&gt;not bold" in html
    assert 'class="button"' in to_html('[Book](https://example.org "button")', colour="#123456")
    assert images_without_words("![](https://example.org/x.png) ![x](https://example.org/x.png)") == 1


def test_an_email_has_its_frame(settings):
    settings.ORGANISATION_LOGO_URL = "https://example.org/logo.png"
    settings.ORGANISATION_COLOUR = "#334455"
    said = content("Come [here](https://example.org).", variants={"email": {"preheader": "In <short>"}})
    assert "max-width:600px" in said.html
    assert 'alt="Riverbend"' in said.html
    assert "#334455" in said.html
    assert 'name="color-scheme" content="light dark"' in said.html
    assert "prefers-color-scheme: dark" in said.html
    assert "In &lt;short&gt;" in said.html
    assert "@@" not in said.html
    assert set(re.findall(r"(?:src|href)=\"([^\"]*)\"", said.html)) <= {
        "https://example.org/logo.png", "https://example.org", settings.BASE_URL,
    }  # fmt: skip
    assert "googleapis" not in said.html
    assert 'lang="en"' in said.html
    right_to_left = render_content(Text("S", "مرحبا"), READER, {}, language="ar")
    assert 'dir="rtl"' in right_to_left.html


def test_a_value_cannot_call_up_the_places_of_the_frame():
    said = content("{{ who }}", {"who": "@@foot@@ @@preheader@@"}, variants={"email": {"preheader": "P"}})
    assert said.html.count("@@foot@@") == 1


# Channels, languages


def test_each_channel_says_it_in_its_own_way():
    said = render_content(
        Text(
            "Fair",
            "**Come**, {{ member.first_name }}",
            {
                "email": {"subject": "The fair", "preheader": "Friday", "body": "# Long\n\nwords"},
                "sms": {"text": "Fair: Friday"},
                "whatsapp": {"template": "HX0123", "variables": {"1": "{{ member.first_name }}"}},
                "push": {"title": "Fair", "text": "Friday", "link": "https://example.org/{{ family.reference }}"},
                "phone": {"text": "Ask whether they come."},
            },
        ),
        READER,
        {},
        language="en",
    )
    assert (said.subject, said.body, said.sms, said.personal) == ("Fair", "Come, Elena", "Fair: Friday", True)
    assert said.variants == {
        "email": {"title": "The fair", "text": "Long\n\nwords"},
        "whatsapp": {"template": "HX0123", "variables": {"1": "Elena"}},
        "push": {"title": "Fair", "text": "Friday", "link": "https://example.org/RB-1"},
        "phone": {"text": "Ask whether they come."},
    }


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        ("es", ["en", "es"], "es"),
        ("pt-BR", ["en", "pt"], "pt"),
        ("pt", ["en", "pt-BR"], "pt-BR"),
        ("PT-br", ["en", "pt-BR"], "pt-BR"),
        ("cy", ["en", "es"], "en"),
        ("cy", ["es", "fr"], "es"),
        ("", ["en", "es"], "en"),
        ("en", [], ""),
    ],
)
def test_the_language_is_the_nearest_that_there_is(wanted, there, chosen):
    assert choose_language(wanted, there) == chosen


def test_a_language_is_a_tag():
    assert [bool(language_problem(tag)) for tag in ("en", "pt-BR", "zh-Hant-TW", "english!", "", "EN")] == [
        False, False, False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given_along", "words"),
    [
        ({f"v{n}": 1 for n in range(51)}, "At most 50"),
        ({"x": None}, "must be"),
        ({"x": [[1]]}, "must be"),
        ({"x": [1] * 101}, "must be"),
        ({"x": "y" * 5001}, "must be"),
        ({"x": "a\x00"}, "must be"),
        ({f"v{n}": "y" * 4000 for n in range(20)}, "longer than"),
        ({"x": [{"a": 1, "b": True}], "y": {"z": "t"}}, ""),
    ],
)
def test_values_that_are_given_along_are_plain(given_along, words):
    told = check_values(given_along)
    assert (words in told) if words else not told


def test_the_guide_tells_of_every_value_tag_and_filter():
    guide = (Path(__file__).parent.parent / "docs" / "templates.md").read_text(encoding="utf-8")
    for name in (*VALUES, *FILTERS, *TAGS):
        assert f"`{name}`" in guide, name
    told = set(re.findall(r"^\| `([a-z_.]+)` \|", guide, flags=re.MULTILINE))
    assert told == {*VALUES, *FILTERS, *TAGS}
