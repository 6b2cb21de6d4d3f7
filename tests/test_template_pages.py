"""The pages of templates: written by managers, read and tried by staff."""

from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels.models import Delivery, Message, Template
from channels.selectors.templates import given_along, templates_for
from channels.services.templates import (
    duplicate_template,
    save_template,
)
from channels.views.template_previews import SEAL
from crm.models import Change, Family, Interaction, Topic
from tests.factories import make_family, make_template, make_user, template_details, template_draft

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


def test_who_changed_what_is_written_down(manager_client: Client) -> None:
    manager_client.post(reverse("channels:new-template"), form())
    template = Template.objects.get()
    steps = [
        ("channels:template", [template.pk], form(base=1, body="Two")),
        ("channels:template-restore", [template.pk, 1], {}),
        ("channels:template-archive", [template.pk], {}),
        ("channels:template-bring-back", [template.pk], {}),
        ("channels:template-duplicate", [template.pk], {}),
        ("channels:template", [template.pk], form(base=3, language="es", body="Hola")),
        ("channels:template-drop-language", [template.pk], {"language": "es"}),
    ]
    for name, keys, said in steps:
        before = Change.objects.count()
        assert manager_client.post(reverse(name, args=keys), said).status_code == 302
        assert Change.objects.count() > before, name
    assert set(Change.objects.values_list("actor__username", flat=True)) == {"priya"}
    assert set(template.versions.values_list("created_by__username", flat=True)) == {"priya"}
