"""Writing a message: sent once, taken back within seconds, with files, whatever happens meanwhile."""

import io
import re
import uuid
import zipfile
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.adapters.email import compose as compose_email
from channels.files import file_problem, plain_name
from channels.jobs import send_due, sweep
from channels.jobs.carrying import envelope_of
from channels.models import Attachment, Delivery, Draft, Message
from channels.ports import SendError
from channels.services import MessageRequest, send_message
from channels.services.composing import UNDO_SECONDS
from crm.models import ContactPoint, Family
from crm.services.households import merge_families
from tests.factories import guardian, make_family, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PDF = b"%PDF-1.7\n% a leaflet\n%%EOF\n"


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def draft(**extra: Any) -> dict[str, Any]:
    plain = {
        "channel": "best", "member": "", "topic": "transactional", "urgency": "normal", "subject": "Hall closed",
        "body": "Dear {{ member.first_name }}, the hall is closed.", "sms": "", "when": "now", "send_at": "",
        "token": str(uuid.uuid4()),
    }  # fmt: skip
    return plain | extra


def url_of(name: str, *keys: Any) -> str:
    return reverse(f"channels:{name}", args=keys)


def text_of(response: Any) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def value_of(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found, name
    return unescape(found[1])


def send(client: Client, family: Family, **extra: Any) -> Any:
    return client.post(url_of("compose", family.pk), draft(**extra), headers=HTMX)


def pdf(name: str = "leaflet.pdf", data: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="application/x-anything")


# Taking it back


def test_it_waits_ten_seconds_and_then_leaves_by_itself(staff_client: Client) -> None:
    before = timezone.now()
    answer = send(staff_client, make_family())
    message = Message.objects.get()
    assert f"leaves in {UNDO_SECONDS} seconds" in text_of(answer)
    assert url_of("compose-undo", message.pk) in answer.content.decode()
    assert Delivery.objects.get().due_at >= before + timedelta(seconds=UNDO_SECONDS)
    assert send_due() == 0, "a worker took it early"
    with time_machine.travel(timezone.now() + timedelta(seconds=UNDO_SECONDS + 1), tick=True):
        assert send_due() == 1
    message.refresh_from_db()
    assert message.status == "sent"


def test_an_urgent_one_goes_at_once(staff_client: Client) -> None:
    answer = send(staff_client, make_family(), urgency="high")
    assert "goes at once" in text_of(answer)
    assert send_due() == 1


def test_taking_back_brings_the_text_back_as_it_was_typed(staff_client: Client) -> None:
    family = make_family()
    given = draft(sms="Short", urgency="normal")
    staff_client.post(url_of("compose", family.pk), given, headers=HTMX)
    message = Message.objects.get()
    assert "Dear Elena" in message.body
    back = staff_client.post(url_of("compose-undo", message.pk), headers=HTMX)
    message.refresh_from_db()
    assert message.status == "cancelled"
    assert "Dear {{ member.first_name }}" in back.content.decode()
    assert "data-unsaved" in back.content.decode()
    fresh = value_of(back, "token")
    assert fresh != given["token"]
    again = staff_client.post(url_of("compose-undo", message.pk), headers=HTMX)
    assert value_of(again, "token") == fresh, "twice must not make two forms"
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        assert send_due() == 0
    # The first request comes once more, late: what was taken back is not sent behind one's back.
    late = staff_client.post(url_of("compose", family.pk), given, headers=HTMX)
    assert late.status_code == 422
    assert "was taken back" in text_of(late)
    assert Message.objects.count() == 1
    assert staff_client.post(url_of("compose", family.pk), given | {"token": fresh}).status_code == 302
    assert Message.objects.filter(status="queued").count() == 1


def test_too_late_is_said_and_nothing_comes_back(staff_client: Client) -> None:
    send(staff_client, make_family(), urgency="high")
    send_due()
    answer = staff_client.post(url_of("compose-undo", Message.objects.get().pk), headers=HTMX)
    assert "It is too late" in text_of(answer)
    assert answer["HX-Reswap"] == "none"
    assert Message.objects.get().status == "sent"


def test_without_script_the_way_back_leads_to_the_form(staff_client: Client) -> None:
    family = make_family()
    staff_client.post(url_of("compose", family.pk), draft())
    answer = staff_client.post(url_of("compose-undo", Message.objects.get().pk), follow=True)
    assert answer.redirect_chain[0][0].startswith(url_of("compose", family.pk))
    assert "Dear {{ member.first_name }}" in answer.content.decode()


def test_a_draft_is_forgotten_after_a_day_and_the_message_stays(staff_client: Client) -> None:
    send(staff_client, make_family(), when="later", send_at=f"{timezone.now() + timedelta(days=9):%Y-%m-%dT%H:%M}")
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=True):
        sweep()
    assert not Draft.objects.exists()
    answer = staff_client.post(url_of("compose-undo", Message.objects.get().pk), follow=True)
    assert "Cancelled: it is not sent." in text_of(answer)


# Meanwhile


def test_a_second_click_for_another_person_is_no_second_message(staff_client: Client) -> None:
    family = make_family()
    given = draft()
    staff_client.post(url_of("compose", family.pk), given)
    other = staff_client.post(url_of("compose", family.pk), given | {"member": guardian(family).pk})
    assert other.status_code == 422
    assert "sent already" in text_of(other)
    assert Message.objects.count() == 1


def test_the_same_text_from_a_second_tab_is_asked_about(staff_client: Client) -> None:
    family = make_family()
    send(staff_client, family)
    answer = send(staff_client, family)
    assert answer.status_code == 422
    assert "a moment ago" in text_of(answer)
    assert 'name="sure"' in answer.content.decode()
    assert send(staff_client, family, sure="on").status_code == 200
    assert send(staff_client, make_family("Other family")).status_code == 200
    assert Message.objects.count() == 3


def test_a_family_merged_meanwhile_keeps_the_text(staff_client: Client, manager_client: Client) -> None:
    stays, goes = make_family("Stays family"), make_family("Goes family")
    merge_families(keep_id=stays.pk, gone_id=goes.pk, by_id=None)
    answer = staff_client.post(url_of("compose", goes.pk), draft(body="My words"), headers=HTMX)
    assert answer.status_code == 422
    assert "merged into Stays family" in text_of(answer)
    assert "My words" in answer.content.decode()
    assert not Message.objects.exists()
    assert staff_client.get(url_of("compose", goes.pk)).headers["Location"] == url_of("compose", stays.pk)


def test_a_person_removed_meanwhile_is_said(staff_client: Client) -> None:
    family = make_family()
    answer_to = guardian(family).pk
    guardian(family).delete()
    answer = send(staff_client, family, member=answer_to)
    assert answer.status_code == 422
    assert "no longer there" in text_of(answer)


def test_a_person_removed_before_it_leaves_gets_nothing_and_nobody_else_either(staff_client: Client) -> None:
    family = make_family()
    send(staff_client, family, member=guardian(family).pk)
    guardian(family).delete()
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        send_due()
    message = Message.objects.get()
    assert (message.status, message.reason) == ("cancelled", "person_gone")
    Message.objects.update(status="failed")
    answer = staff_client.post(url_of("message-again", message.pk), follow=True)
    assert "nobody else may get it" in text_of(answer)
    assert Message.objects.count() == 1


def test_another_way_than_the_one_shown_is_asked_about(staff_client: Client) -> None:
    family = make_family()
    shown = value_of(staff_client.get(url_of("compose", family.pk)), "seen")
    assert "→email:" in shown
    ContactPoint.objects.filter(channel="email").update(is_valid=False, invalid_reason="bounced")
    answer = send(staff_client, family, seen=shown)
    assert answer.status_code == 422
    assert "By SMS to Elena" in text_of(answer)
    assert not Message.objects.exists()
    assert send(staff_client, family, seen=value_of(answer, "seen")).status_code == 200
    assert Message.objects.get().via == "sms"


def test_another_question_than_the_one_shown_is_answered_without_asking(staff_client: Client) -> None:
    family = make_family()
    shown = value_of(staff_client.get(url_of("compose", family.pk)), "seen")
    assert send(staff_client, family, seen=shown, channel="sms").status_code == 200


# Files


def test_a_file_goes_along_by_email_alone(staff_client: Client, media: Path) -> None:
    family = make_family()
    token = str(uuid.uuid4())
    kept = staff_client.post(
        url_of("compose-files", family.pk), draft(token=token) | {"attachments": pdf()}, headers=HTMX
    )
    assert "leaflet.pdf" in text_of(kept)
    send(staff_client, family, token=token)
    message = Message.objects.get()
    assert (message.channel, message.allow_fallback, message.via) == ("email", False, "email")
    stored = Attachment.objects.get()
    assert stored.content_type == "application/pdf"
    assert "leaflet" not in stored.file.name
    delivery = Delivery.objects.get()
    email = compose_email(envelope_of(delivery), "smtp")
    assert [(one.filename, one.content, one.mimetype) for one in email.attachments] == [
        ("leaflet.pdf", PDF, "application/pdf")
    ]
    page = staff_client.get(message.get_absolute_url())
    assert stored.get_absolute_url() in page.content.decode()


def test_files_on_another_channel_are_refused_and_kept(staff_client: Client) -> None:
    family = make_family()
    answer = staff_client.post(
        url_of("compose", family.pk), draft(channel="sms") | {"attachments": [pdf(), pdf("b.pdf")]}, headers=HTMX
    )
    assert answer.status_code == 422
    assert "Files go by email only" in text_of(answer)
    assert "leaflet.pdf" in text_of(answer)
    assert "b.pdf" in text_of(answer)
    again = send(staff_client, family, token=value_of(answer, "token"))
    assert again.status_code == 200
    assert Message.objects.get().attachments.count() == 2


def test_files_come_back_with_the_text_and_can_be_taken_out(staff_client: Client, media: Path) -> None:
    family = make_family()
    staff_client.post(url_of("compose", family.pk), draft() | {"attachments": [pdf(), pdf("b.pdf", PDF + b"b")]})
    message = Message.objects.get()
    back = staff_client.post(url_of("compose-undo", message.pk), headers=HTMX)
    assert "leaflet.pdf" in text_of(back)
    token = value_of(back, "token")
    gone = Attachment.objects.get(name="b.pdf")
    left = staff_client.post(url_of("compose-files", family.pk), draft(token=token) | {"drop": gone.pk}, headers=HTMX)
    assert "b.pdf" not in text_of(left)
    send(staff_client, family, token=token)
    assert [one.name for one in Message.objects.get(status="queued").attachments.all()] == ["leaflet.pdf"]


def test_who_may_have_a_file(staff_client: Client, client: Client) -> None:
    family = make_family()
    token = str(uuid.uuid4())
    staff_client.post(url_of("compose-files", family.pk), draft(token=token) | {"attachments": pdf()}, headers=HTMX)
    stored = Attachment.objects.get()
    other = Client()
    other.force_login(make_user("charlie"))
    assert client.get(stored.get_absolute_url()).status_code == 302
    assert other.get(stored.get_absolute_url()).status_code == 404
    send(staff_client, family, token=token)
    answer = other.get(stored.get_absolute_url())
    assert b"".join(answer.streaming_content) == PDF  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]


def office(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pdf", PDF, ""),
        ("a.docx", office("[Content_Types].xml", "word/document.xml"), ""),
        ("a.txt", "Grüße".encode(), ""),
        ("a.pdf", b"MZ\x90", "not what its ending says"),
        ("a.exe", b"MZ\x90", "of a kind"),
        ("a", PDF, "of a kind"),
        ("a.pdf.html", b"<html>", "of a kind"),
        ("a.txt", b"<!DOCTYPE html><script>", "not what its ending says"),
        ("a.csv", b"\x00\x01", "not what its ending says"),
        ("a.docx", office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "macros"),
        ("a.docx", office("[Content_Types].xml", "xl/workbook.xml"), "not what its ending says"),
        ("a.docx", b"PK\x03\x04broken", "not what its ending says"),
        ("a.pdf", b"", "is empty"),
    ],
)
def test_a_file_is_known_by_what_it_holds(name: str, data: bytes, said: str) -> None:
    problem = file_problem(name, data)
    assert (said in problem) if said else problem == ""


def test_names_lose_folders_and_tricks() -> None:
    assert plain_name("..\\..\\etc/passwd.pdf") == "passwd.pdf"
    assert plain_name("a\u202efdp.exe\r\n.pdf") == "afdp.exe.pdf"
    assert len(plain_name("n" * 500 + ".pdf")) <= 120


def test_too_many_and_too_large_are_refused_in_words(staff_client: Client, settings: Any) -> None:
    settings.ATTACHMENTS_MAX_MB = 1
    family = make_family()
    big = pdf("big.pdf", PDF + b"x" * 1024 * 1024)
    many = [pdf(f"{number}.pdf", PDF + bytes([65 + number])) for number in range(6)]
    answer = staff_client.post(url_of("compose", family.pk), draft() | {"attachments": [big, *many]}, headers=HTMX)
    assert answer.status_code == 422
    assert "too large" in text_of(answer)
    assert "one too many" in text_of(answer)
    assert Attachment.objects.count() == 5
    assert not Message.objects.exists()


def test_the_same_file_twice_is_kept_once(staff_client: Client) -> None:
    family, token = make_family(), str(uuid.uuid4())
    for _twice in range(2):
        staff_client.post(url_of("compose-files", family.pk), draft(token=token) | {"attachments": pdf()}, headers=HTMX)
    assert Attachment.objects.count() == 1


def test_files_are_deleted_when_their_time_is_over(
    staff_client: Client, staff: Any, settings: Any, media: Path
) -> None:
    family = make_family()
    staff_client.post(url_of("compose", family.pk), draft() | {"attachments": pdf()})
    staff_client.post(url_of("compose-files", family.pk), draft() | {"attachments": pdf("unsent.pdf")}, headers=HTMX)

    def stored() -> int:
        return sum(one.is_file() for one in media.rglob("*"))

    assert stored() == 2
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=True):
        sweep()
        assert [one.name for one in Attachment.objects.all()] == ["leaflet.pdf"]
        assert stored() == 1
    with time_machine.travel(timezone.now() + timedelta(days=settings.ATTACHMENTS_KEPT_DAYS + 1), tick=True):
        sweep()
        staff_client.force_login(staff)
        page = staff_client.get(Message.objects.get().get_absolute_url())
    assert stored() == 0
    assert "when its time was over" in text_of(page)


def test_a_file_that_is_gone_fails_the_email_and_says_so(staff_client: Client, media: Path) -> None:
    family = make_family()
    staff_client.post(url_of("compose", family.pk), draft() | {"attachments": pdf()})
    for one in media.rglob("*"):
        if one.is_file():
            one.unlink()
    envelope = envelope_of(Delivery.objects.get())
    with pytest.raises(OSError, match="No such file"):
        compose_email(envelope, "smtp")


def test_the_adapter_says_that_a_file_is_gone(staff_client: Client) -> None:
    from channels.adapters.email import AnymailEmail

    family = make_family()
    staff_client.post(url_of("compose", family.pk), draft() | {"attachments": pdf()})
    Attachment.objects.update(file="")
    with pytest.raises(SendError) as refused:
        AnymailEmail("smtp").send(envelope_of(Delivery.objects.get()))
    assert (refused.value.code, refused.value.permanent, refused.value.left) == ("file_gone", True, False)


def test_what_waits_stands_above_the_conversation(staff_client: Client) -> None:
    family = make_family()
    here = {**HTMX, "HX-Current-URL": f"http://testserver{family.get_absolute_url()}"}
    answer = staff_client.post(url_of("compose", family.pk), draft(), headers=here)
    assert f'id="waiting-{family.pk}"' in answer.content.decode()
    page = staff_client.get(family.get_absolute_url())
    assert "Not gone yet" in text_of(page)
    assert "Take back" in text_of(page)
    waiting = staff_client.get(url_of("family-waiting", family.pk))
    seen = re.search(r"seen=(\w+)", waiting.content.decode())[1]  # type: ignore[index]
    url = url_of("family-waiting", family.pk)
    assert staff_client.get(url, {"seen": seen}, headers=HTMX).status_code == 204
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        send_due()
    gone = staff_client.get(url, {"seen": seen}, headers=HTMX)
    assert "Not gone yet" not in text_of(gone)
    assert "Hall closed" in text_of(staff_client.get(family.get_absolute_url()))


def test_from_another_page_nothing_is_swapped_that_is_not_there(staff_client: Client) -> None:
    family = make_family()
    answer = staff_client.post(
        url_of("compose", family.pk), draft(), headers={**HTMX, "HX-Current-URL": "http://testserver/messages/"}
    )
    assert "waiting-" not in answer.content.decode()


def test_nothing_of_it_is_for_strangers(client: Client) -> None:
    family = make_family()
    message = send_message(request=MessageRequest(family.pk, "Hello")).message
    for url in (url_of("compose-undo", message.pk), url_of("compose-files", family.pk)):
        assert client.post(url).status_code == 302
    assert client.get(url_of("family-waiting", family.pk)).status_code == 302
    message.refresh_from_db()
    assert message.status == "queued"
