"""Templates: written once, kept in versions, sent in the family's language."""

from typing import Any

import pytest
from django.core import mail
from django.core.mail import get_connection

from channels.jobs import send_due
from channels.models import Delivery, Message, Template, TemplateVersion
from channels.rendering.samples import read_pairs, read_samples, written_samples
from channels.selectors.templates import templates_for
from channels.services import MessageRequest, send_message
from channels.services.again import send_again
from channels.services.templates import (
    Outdated,
    archive_template,
    bring_back_template,
    drop_language,
    duplicate_template,
    restore_version,
    save_template,
)
from crm.errors import Invalid
from crm.models import Family
from tests.factories import guardian, make_family, make_template, template_details, template_draft

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.wake._send", lambda *_arguments: None)


def change(template: Template, body: str, base: int = 1, by_id: int | None = None, **extra: Any) -> bool:
    draft = template_draft(body, base=base, **extra)
    return save_template(template_id=template.pk, details=template_details(), draft=draft, by_id=by_id)


def texts(template: Template) -> dict[str, Any]:
    template.refresh_from_db()
    assert template.version is not None
    return template.version.texts


def number(template: Template) -> int:
    template.refresh_from_db()
    assert template.version is not None
    return template.version.number


# Versions


def test_every_saving_is_a_version_and_none_changes() -> None:
    template = make_template()
    assert change(template, "Later", base=1) is True
    assert number(template) == 2
    assert TemplateVersion.objects.get(number=1).texts["en"]["body"] == "Hello {{ member.first_name }}"


def test_saving_the_same_twice_makes_one_version() -> None:
    template = make_template()
    for _click in range(2):
        change(template, "Later", base=1)
    assert number(template) == 2


def test_two_who_write_the_same_language_are_told() -> None:
    template = make_template()
    change(template, "Theirs", base=1)
    with pytest.raises(Outdated):
        change(template, "Mine", base=1)
    assert texts(template)["en"]["body"] == "Theirs"
    change(template, "Mine", base=2)
    assert texts(template)["en"]["body"] == "Mine"


def test_two_who_write_different_languages_do_not_disturb_each_other() -> None:
    template = make_template()
    change(template, "Hola", language="es", base=1)
    change(template, "Changed", base=1)
    assert {tag: text["body"] for tag, text in texts(template).items()} == {"en": "Changed", "es": "Hola"}


def test_an_earlier_version_is_used_again_and_that_is_undone() -> None:
    template = make_template("One")
    change(template, "Two", base=1)
    restore_version(template_id=template.pk, number=1)
    assert (number(template), texts(template)["en"]["body"]) == (3, "One")
    restore_version(template_id=template.pk, number=1)
    assert number(template) == 3
    with pytest.raises(Invalid):
        restore_version(template_id=template.pk, number=99)


def test_a_copy_has_a_name_of_its_own() -> None:
    template = make_template()
    copies = [duplicate_template(template_id=template.pk) for _time in range(2)]
    assert [one.slug for one in copies] == ["fair-copy", "fair-copy-2"]
    assert texts(copies[0]) == texts(template)


def test_what_is_archived_is_not_chosen_and_comes_back() -> None:
    template = make_template()
    assert archive_template(template_id=template.pk) is True
    assert archive_template(template_id=template.pk) is False
    assert not templates_for().exists()
    assert templates_for(archived=True).get() == template
    with pytest.raises(Invalid, match="archived"):
        send_message(request=MessageRequest(make_family().pk, template="fair"))
    assert bring_back_template(template_id=template.pk) is True
    assert templates_for(search="FAIR every").get() == template


def test_a_language_is_taken_out_but_never_the_last() -> None:
    template = make_template()
    change(template, "Hola", language="es", base=1)
    drop_language(template_id=template.pk, language="es")
    assert list(texts(template)) == ["en"]
    for tag in ("en", "fr"):
        with pytest.raises(Invalid):
            drop_language(template_id=template.pk, language=tag)


@pytest.mark.parametrize(
    ("body", "extra", "place"),
    [
        ("", {}, "body"),
        ("{{ family.nme }}", {}, "body"),
        ("{{ member }}", {}, "body"),
        ("{% for i in (1..9999999999) %}x{% endfor %}", {}, "body"),
        ("{% if x %}", {}, "body"),
        ("![](https://example.org/x.png)", {}, "body"),
        ("x\x00", {}, "body"),
        ("x" * 20_001 + "{{ a }}", {}, "body"),
        ("x", {"variants": {"push": {"text": "t", "link": "javascript:alert(1)"}}}, "push.link"),
        ("x", {"variants": {"whatsapp": {"template": "no id!"}}}, "whatsapp.template"),
        ("x", {"variants": {"whatsapp": {"variables": {"1": "{{ day }}"}}}}, "whatsapp.template"),
        ("x", {"variants": {"whatsapp": {"template": "HX1", "variables": {"1": "{{"}}}}, "whatsapp.variables.1"),
        ("x", {"variants": {"sms": {"text": "y" * 1601}}}, "sms.text"),
        ("x", {"language": "English"}, "language"),
        ("x", {"samples": {"family": "x"}}, "samples"),
    ],
)
def test_what_cannot_be_sent_is_not_saved(body: str, extra: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as refusal:
        make_template(body, **extra)
    assert place in refusal.value.errors
    assert not Template.objects.exists()


@pytest.mark.parametrize(("name", "slug", "field"), [("", "fair", "name"), ("F", "no slug", "slug"), ("F", "", "slug")])
def test_a_template_needs_a_name(name: str, slug: str, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        make_template(name=name, slug=slug)
    assert field in refusal.value.errors


def test_a_short_name_belongs_to_one() -> None:
    make_template()
    with pytest.raises(Invalid, match="already"):
        make_template()


def test_example_values_are_read_as_they_are_written() -> None:
    lines = "day = 2026-11-12\ncount = 3\nfree = yes\nnames = [Ana, Ben]\nchild.name = Sofia\nchild.age = 4\npost = 007"
    values = {
        "day": "2026-11-12", "count": 3, "free": True, "names": ["Ana", "Ben"], "child": {"name": "Sofia", "age": 4},
        "post": "007",
    }  # fmt: skip
    assert read_samples(lines) == values
    assert read_samples(written_samples(values)) == values
    assert read_pairs("1 = {{ a }} = b") == {"1": "{{ a }} = b"}
    for wrong in ("day", "1day = x", "a = 1\na.b = 2"):
        with pytest.raises(ValueError, match="ine "):
            read_samples(wrong)


# Sending


def send(family: Family, **extra: Any) -> Message:
    return send_message(request=MessageRequest(family.pk, template="fair", **{"topic": "", **extra})).message


def test_a_message_keeps_what_it_was_made_from() -> None:
    template, family = make_template(variants={"sms": {"text": "Hi"}, "email": {"subject": "Re"}}), make_family()
    message = send(family)
    change(template, "Other words", base=1)
    message.refresh_from_db()
    assert (message.subject, message.body, message.sms) == ("Fair", "Hello Elena", "Hi")
    assert message.template_version is not None
    assert (message.template_version.number, message.language, message.personal) == (1, "en", True)
    assert message.variants == {"email": {"title": "Re"}}
    assert "Hello Elena" in message.html


def test_the_language_is_the_familys() -> None:
    template = make_template("Hello {{ day | date: '%B' }}")
    change(template, "Hola {{ day | date: '%B' }}", language="es", base=1)
    given = {"day": "2026-11-12"}
    said = []
    for language in ("es-MX", "cy"):
        family = make_family()
        Family.objects.filter(pk=family.pk).update(language=language)
        said.append(send(family, context=given).body)
    assert said == ["Hola noviembre", "Hello November"]


def test_own_fields_and_given_values_are_filled_in() -> None:
    make_template("{{ family.fields.bus }} {{ day }} {{ family.reference }} {{ topic.name }}")
    family = make_family(ref="RB-7")
    Family.objects.filter(pk=family.pk).update(attributes={"bus": 7, "list": [1]})
    assert send(family, context={"day": "Friday"}).body == "7 Friday RB-7 Everyday matters"


def test_the_topic_is_the_templates_unless_it_is_named() -> None:
    make_template(topic="marketing")
    assert send(make_family()).topic.slug == "marketing"
    assert send(make_family(), topic="transactional").topic.slug == "transactional"


def test_what_is_missing_names_itself_and_nothing_is_written() -> None:
    make_template("{{ day }} {{ hour }} {% if maybe %}{{ maybe }}{% endif %}")
    with pytest.raises(Invalid) as refusal:
        send(make_family(), context={"day": "Friday"})
    assert list(refusal.value.errors) == ["context"]
    assert "hour" in str(refusal.value)
    assert "maybe" not in str(refusal.value)
    assert not Message.objects.exists()


def test_a_branch_for_one_person_that_cannot_be_said_stops_that_message_alone() -> None:
    make_template('{% if member.name == "Ed" %}{{ secret }}{% endif %}Hello')
    family = make_family()
    family.members.create(name="Ed")
    guardian(family).contact_points.all().delete()
    ed = family.members.get(name="Ed")
    ed.contact_points.create(family=family, channel="email", value="ed@example.org", is_primary=True)
    with pytest.raises(Invalid, match="secret"):
        send(family)


def test_sending_again_says_the_very_same() -> None:
    template = make_template(variants={"push": {"title": "T", "text": "P"}})
    message = send(make_family(), topic="transactional", channel="email")
    Delivery.objects.update(state="failed")
    Message.objects.update(status="failed")
    change(template, "Other", base=1)
    again = send_again(message=message, created_by_id=None).message
    assert (again.body, again.variants, again.template_version_id, again.personal, again.language) == (
        message.body, message.variants, message.template_version_id, True, "en",
    )  # fmt: skip


def test_the_email_that_leaves_is_the_templates(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_PROVIDER = "smtp"
    make_template("# Come\n\n**Soon**", variants={"email": {"subject": "In the inbox", "body": "## Only here"}})
    monkeypatch.setattr("channels.adapters.email.mail_line", lambda _provider: get_connection())
    send(make_family(), channel="email")
    send_due()
    (left,) = mail.outbox
    assert (left.subject, left.body) == ("In the inbox", "Only here")
    assert "<h2" in str(left.alternatives[0][0])
