"""Templates: written once, kept in versions, sent in the family's language."""

from typing import Any

import pytest
from django.core import mail, signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels.jobs import send_due
from channels.models import Delivery, Message, Template, TemplateVersion
from channels.rendering.samples import read_pairs, read_samples, written_samples
from channels.selectors.templates import given_along, templates_for
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
from channels.views.template_previews import SEAL
from crm.errors import Invalid
from crm.models import Family, Interaction, Topic
from tests.factories import guardian, make_family, make_template, make_user, template_details, template_draft

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


def test_the_email_that_leaves_is_the_templates(settings: Any) -> None:
    settings.EMAIL_PROVIDER = "smtp"
    from channels import adapters

    adapters.adapters.cache_clear()
    make_template("# Come\n\n**Soon**", variants={"email": {"subject": "In the inbox", "body": "## Only here"}})
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    send(make_family(), channel="email")
    send_due()
    adapters.adapters.cache_clear()
    (left,) = mail.outbox
    assert (left.subject, left.body) == ("In the inbox", "Only here")
    assert "<h2" in str(left.alternatives[0][0])


# Pages


def form(**extra: Any) -> dict[str, Any]:
    plain = {"name": "Fair", "slug": "fair", "topic": Topic.objects.get(slug="transactional").pk, "language": "en"}
    return {**plain, "base": 0, "subject": "Fair", "body": "Hello {{ member.first_name }}", **extra}


def test_a_manager_writes_one_and_changes_it(manager_client: Client) -> None:
    answer = manager_client.post(reverse("channels:new-template"), form(slug="", push_title="T", push_text="P"))
    template = Template.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, template.get_absolute_url())
    assert template.slug == "fair"
    said = form(
        base=1, body="Two\r\nlines", whatsapp_template="HX1", whatsapp_variables="1 = {{ day }}", samples="day = 7"
    )
    assert manager_client.post(template.get_absolute_url(), said).status_code == 302
    assert texts(template)["en"]["body"] == "Two\nlines"
    assert texts(template)["en"]["variants"] == {"whatsapp": {"template": "HX1", "variables": {"1": "{{ day }}"}}}
    page = manager_client.get(template.get_absolute_url(), follow=True).content.decode()
    assert "1 = {{ day }}" in page
    assert "Saved as version 2" in page


def test_a_bad_text_comes_back_with_what_was_typed(manager_client: Client) -> None:
    answer = manager_client.post(
        reverse("channels:new-template"), form(body="{{ family.nme }}", push_link="nowhere", push_text="x")
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "There is no “family.nme”" in page
    assert "is not a web address" in page
    assert "{{ family.nme }}" in page
    assert not Template.objects.exists()


def test_the_second_of_two_editors_keeps_what_they_typed(manager_client: Client) -> None:
    template = make_template()
    save_template(
        template_id=template.pk,
        details=template_details(),
        draft=template_draft("Theirs", base=1),
        by_id=make_user("ana").pk,
    )
    answer = manager_client.post(template.get_absolute_url(), form(base=1, body="Mine"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Ana saved version 2 while you were writing" in page
    assert "Mine" in page
    assert 'name="base" value="2"' in page
    assert manager_client.post(template.get_absolute_url(), form(base=2, body="Mine")).status_code == 302
    assert texts(template)["en"]["body"] == "Mine"


def test_undo_after_saving_brings_the_words_back(manager_client: Client) -> None:
    template = make_template("One")
    page = manager_client.post(template.get_absolute_url(), form(base=1, body="Two"), follow=True).content.decode()
    undo = reverse("channels:template-restore", args=[template.pk, 1])
    assert f'action="{undo}"' in page
    manager_client.post(undo)
    assert texts(template)["en"]["body"] == "One"


def test_staff_read_and_try_but_do_not_write(staff_client: Client) -> None:
    template = make_template()
    page = staff_client.get(template.get_absolute_url()).content.decode()
    assert "readonly" in page
    assert ">Save<" not in page
    assert staff_client.post(template.get_absolute_url(), form(base=1, body="Mine")).status_code == 403
    for name in ("archive", "bring-back", "duplicate", "drop-language"):
        assert staff_client.post(reverse(f"channels:template-{name}", args=[template.pk])).status_code == 403
    assert staff_client.post(reverse("channels:template-restore", args=[template.pk, 1])).status_code == 403
    assert number(template) == 1


def test_the_list_finds_and_says_when_there_is_nothing(manager_client: Client) -> None:
    url = reverse("channels:templates")
    assert "No template yet" in manager_client.get(url).content.decode()
    template = make_template(name="Harvest <b>fair</b>")
    page = manager_client.get(url).content.decode()
    assert "Harvest &lt;b&gt;fair" in page
    assert "No template is called" in manager_client.get(url, {"q": "nothing"}).content.decode()
    manager_client.post(reverse("channels:template-archive", args=[template.pk]))
    assert "fair" not in manager_client.get(url).content.decode().split("template-list")[1]
    assert "Bring back" in manager_client.get(url, {"archived": "1"}).content.decode()
    manager_client.post(reverse("channels:template-bring-back", args=[template.pk]))
    assert templates_for().exists()


def test_the_list_asks_as_often_for_many_as_for_few(staff_client: Client) -> None:
    make_template()
    for _time in range(3):
        duplicate_template(template_id=Template.objects.order_by("pk")[0].pk)
    with CaptureQueriesContext(connection) as queries:
        staff_client.get(reverse("channels:templates"))
    assert len(queries) <= 7, [one["sql"] for one in queries]


def test_the_preview_shows_a_real_family_on_every_channel(staff_client: Client) -> None:
    family = make_family("Okafor <family>")
    said = form(
        body="Dear {{ member.first_name }}: {{ day }} {{ family.fields.bus }}",
        push_title="T" * 60,
        sms_text="Ŵ",
        family=family.pk,
    )
    page = staff_client.post(reverse("channels:template-preview"), said).content.decode()
    assert "Dear Elena: ‹day› ‹family.fields.bus›" in page
    assert "Missing here:" in page
    assert "For Okafor &lt;family&gt;" in page
    assert "Phones cut a title" in page
    assert "outside the plain alphabet" in page
    for channel in ("Email", "SMS", "WhatsApp", "RCS", "Push", "Portal", "Phone"):
        assert f'aria-label="{channel}"' in page


@pytest.mark.parametrize(
    "extra",
    [
        {"body": ""},
        {"body": "{% for i in (1..999999999) %}x{% endfor %}"},
        {"body": "{{"},
        {"body": "{% for x in names %}{{ x.name }}{% endfor %}"},
        {"family": "x"},
        {"family": "9" * 30},
        {"language": "nonsense language that is long enough to be cut"},
        {"samples": "no value"},
        {"topic": "0"},
        {"base": "x"},
    ],
)
def test_a_half_written_preview_is_no_error(staff_client: Client, extra: dict[str, Any]) -> None:
    make_family()
    assert staff_client.post(reverse("channels:template-preview"), form(**extra)).status_code == 200


def test_the_email_of_the_preview_is_ours_and_holds_no_script(staff_client: Client) -> None:
    url = reverse("channels:template-preview-email")
    answer = staff_client.post(url, {"sealed": signing.dumps("<p>Hi</p>", salt=SEAL, compress=True)})
    assert answer.content == b"<p>Hi</p>"
    policy = answer["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert staff_client.post(url, {"sealed": "<script>alert(1)</script>"}).status_code == 400
    assert staff_client.post(url, {"sealed": signing.dumps("<p>", salt="other")}).status_code == 400


def test_families_for_the_preview_are_found(staff_client: Client) -> None:
    make_family("Okafor family")
    url = reverse("channels:template-families")
    assert "Okafor" in staff_client.get(url, {"q": "okaf"}).content.decode()
    assert "No family found" in staff_client.get(url, {"q": "zzzz"}).content.decode()
    assert staff_client.get(url).status_code == 200


def test_versions_are_listed_and_compared(staff_client: Client) -> None:
    template = make_template("We meet on Friday")
    change(template, "We meet on Monday", base=1)
    page = staff_client.get(reverse("channels:template-versions", args=[template.pk])).content.decode()
    assert "Version 1" in page
    assert "In use" in page
    page = staff_client.get(reverse("channels:template-version", args=[template.pk, 1])).content.decode()
    assert "<del>Friday</del><ins>Monday</ins>" in page
    assert staff_client.get(reverse("channels:template-version", args=[template.pk, 9])).status_code == 404


def test_a_test_goes_to_oneself_and_no_family_hears_of_it(staff_client: Client, staff: Any) -> None:
    template, family = (
        make_template("Hello {{ member.first_name }} {{ day }}", samples={"day": "Friday"}),
        make_family(),
    )
    url = reverse("channels:template-test", args=[template.pk])
    said = {"channel": "email", "address": "nora@example.org", "language": "en", "family": family.pk}
    for _time in range(2):
        page = staff_client.post(url, said, follow=True).content.decode()
        assert "The test is on its way" in page
    message = Message.objects.order_by("pk")[0]
    assert (message.subject, message.body) == ("[Test] Fair", "Test: Hello Elena Friday")
    assert (message.source, message.family.name, message.family.stage) == ("test", "Tests of Nora", "left")
    assert message.deliveries.get().address == "nora@example.org"
    assert Family.objects.count() == 2
    assert not Interaction.objects.filter(family=family).exists()
    staff_client.post(url, {**said, "channel": "sms", "address": "07700 900199"})
    assert Delivery.objects.get(channel="sms").address == "+447700900199"


@pytest.mark.parametrize(
    "extra", [{"address": "nobody"}, {"address": ""}, {"channel": "pigeon"}, {"channel": "sms", "address": "12"}]
)
def test_a_test_to_nowhere_says_so(staff_client: Client, extra: dict[str, Any]) -> None:
    template = make_template()
    said = {"channel": "email", "address": "nora@example.org", "language": "en", **extra}
    page = staff_client.post(reverse("channels:template-test", args=[template.pk]), said, follow=True).content.decode()
    assert "No test was sent" in page
    assert not Message.objects.exists()


def test_what_a_sender_gives_along_is_listed(staff_client: Client) -> None:
    template = make_template("{{ day }} {{ family.name }} {% for x in names %}{{ x }}{% endfor %}")
    template.refresh_from_db()
    assert template.version is not None
    assert given_along(template.version) == ["day", "names"]
    assert "The sender gives along:" in staff_client.get(template.get_absolute_url()).content.decode()
