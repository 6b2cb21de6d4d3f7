"""Families from a file: the command and the page, good files and every kind of bad one."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.models import ApiKey, Consent, ContactPoint, Family, Import, Interaction, Member, StatedPreference, Topic
from crm.services import record_consent
from crm.services.keys import digest_of
from tests.factories import make_family

EXAMPLE = Path(__file__).parent.parent / "static" / "examples" / "families.csv"
HEAD = "family_ref,family_name,member_name,role,email,phone,marketing_email\n"
GOOD = HEAD + "A-1,Martinez,Elena,guardian,elena@example.org,07700 900142,yes\n"

pytestmark = pytest.mark.django_db


def run(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_families", str(path), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def refuse(path: Path, *options: str) -> tuple[str, str]:
    errors = StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command("import_families", str(path), *options, stdout=StringIO(), stderr=errors)
    assert refusal.value.returncode == 1
    return errors.getvalue(), str(refusal.value)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "families.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def everything() -> list[int]:
    return [model.objects.count() for model in (Family, Member, ContactPoint, Consent, Interaction, StatedPreference)]


def test_it_imports_the_example_file() -> None:
    told = run(EXAMPLE)
    assert "3 new, 0 changed, 0 unchanged" in told
    family = Family.objects.get(external_ref="EX-0142")
    assert (family.name, family.stage, family.time_zone) == ("Martinez family", "enrolled", "Europe/London")
    assert [member.name for member in family.members.all()] == ["Elena Martinez", "David Martinez", "Sofia Martinez"]
    assert sorted(family.tags.values_list("name", flat=True)) == ["newsletter", "robotics"]
    assert family.contact_points.get(channel="phone", member__name="Elena Martinez").value == "+447700900142"
    assert family.stated.preferred_channel == "email"
    assert Family.objects.get(external_ref="EX-0143").members.filter(name="Ó Briain, Tadhg").exists()
    assert list(Family.objects.search("aoife")) == [Family.objects.get(external_ref="EX-0143")]
    granted = Consent.objects.get(granted=True)
    assert (granted.member.name, granted.channel, granted.source) == ("Elena Martinez", "email", "import")


def test_the_same_file_twice_changes_nothing() -> None:
    run(EXAMPLE)
    before = everything()
    assert "0 new, 0 changed, 3 unchanged" in run(EXAMPLE)
    assert everything() == before
    assert Interaction.objects.count() == 0


def test_a_dry_run_writes_nothing() -> None:
    assert "3 new" in run(EXAMPLE, "--dry-run")
    assert Family.objects.count() == Import.objects.count() == 0


def test_a_changed_cell_changes_one_family_and_an_empty_one_none(tmp_path: Path) -> None:
    run(write(tmp_path, GOOD + "A-2,Okafor,Ngozi,,,,\n"))
    told = run(
        write(tmp_path, HEAD + "A-1,Martinez-Diaz,Elena,,,,\nA-2,,Ngozi,,,,\n".replace(",,Ngozi", ",Okafor,Ngozi"))
    )
    assert "0 new, 1 changed, 1 unchanged" in told
    assert Family.objects.get(external_ref="A-1").contact_points.count() == 2


def test_it_reads_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    assert "1 new" in run(write(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()))


def test_it_warns_of_an_unknown_column_and_leaves_it_out(tmp_path: Path) -> None:
    path, errors = write(tmp_path, GOOD.replace("role", "Shoe size").replace("guardian", "38")), StringIO()
    call_command("import_families", str(path), stdout=StringIO(), stderr=errors)
    assert "These columns are not known and were left out: Shoe size." in errors.getvalue()
    assert Member.objects.get().role == "adult"


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (GOOD + "A-2,Okafor,Ngozi,,ngozi@example.org; nobody,,\n", "row 3, email", "“nobody”"),
        ("", "file", "empty"),
        (b"\xef\xbb\xbf", "file", "empty"),
        (HEAD, "file", "nothing below"),
        ("family_ref,name\nA-1,x\n", "row 1", "family_name, member_name"),
        ("family_ref|family_name|member_name\nA|B|C\n", "row 1", "missing"),
        ("a,b;c\nd,e;f\n", "file", "what separates"),
        (HEAD.replace("role", "email"), "row 1", "twice"),
        (GOOD + 'A-2,"Broken,Elena,,,,\nA-3,x,y,,,,\n', "row 3", "never closed"),
        (GOOD + 'A-2,"Bro"ken,Elena,,,,\n', "row 3", "write it twice"),
        (GOOD + "A-2,Okafor,Ng\x00ozi,,,,\n", "row 3", "null byte"),
        (GOOD.encode() + b"A-2,Mu\xf1oz\x81,Ana,,,,\n", "file", "neither UTF-8"),
        (GOOD.encode("utf-16-le"), "file", "UTF-16 without its mark"),
        (b"%PDF-1.7\n", "file", "PDF"),
        (b"PK\x03\x04 nothing of a ZIP file", "file", "damaged"),
        (b"\xd0\xcf\x11\xe0 old", "file", ".xls"),
        (GOOD + "A-2,Okafor,Ngozi\n", "row 3", "3 fields"),
        (GOOD + "A-2,Okafor,Ngozi,,,,,extra\n", "row 3", "8 fields"),
        (GOOD + "A-2,Okafor,Ngozi,,,12,\n", "row 3, phone", "“12”"),
        (GOOD + "A-2,Okafor,Ngozi,,nobody,,\n", "row 3, email", "“nobody”"),
        (GOOD + "A-2,Okafor,Ngozi,uncle,,,\n", "row 3, role", "“uncle”"),
        (GOOD + "A-2,Okafor,Ngozi,,,,perhaps\n", "row 3, marketing_email", "neither yes nor no"),
        (GOOD + ",Okafor,Ngozi,,,,\n", "row 3, family_ref", "empty"),
        (GOOD + "A-2,Okafor,,adult,,,\n", "row 3, member_name", "empty"),
        (GOOD + "A 2,Okafor,Ngozi,,,,\n", "row 3, family_ref", "64 letters"),
        (GOOD + "A-2,,Ngozi,,,,\n", "row 3, family_name", "needs a name"),
        (GOOD + "A-1,Martin,David,,,,\n", "row 3, family_name", "row 2"),
        (GOOD + "A-1,,ELENA,,,,\n", "row 3, member_name", "already"),
    ],
)
def test_it_refuses_a_bad_file_with_row_and_reason(tmp_path: Path, content: str | bytes, row: str, words: str) -> None:
    errors, last = refuse(write(tmp_path, content))
    assert "nothing was imported" in last
    lines = [line for line in errors.splitlines() if line.startswith(f"{row}:") or line.startswith(f"{row},")]
    assert any(words in line for line in lines), errors
    assert Family.objects.count() == 0


@pytest.mark.parametrize(
    ("column", "value"), [("time_zone", "Mars/Base"), ("stage", "gone"), ("preferred_channel", "pigeon")]
)
def test_it_refuses_bad_words_of_a_family(tmp_path: Path, column: str, value: str) -> None:
    path = write(tmp_path, f"family_ref,family_name,member_name,{column}\nA-1,Wu,Jing,{value}\n")
    assert refuse(path)[0].startswith(f"row 2, {column}: “{value}”")


def test_it_names_all_bad_rows_and_prints_at_most_a_hundred(tmp_path: Path) -> None:
    rows = "".join(f"A-{number},Wu,Jing,uncle,,,\n" for number in range(150))
    errors, last = refuse(write(tmp_path, HEAD + rows))
    assert last.startswith("150 problems")
    assert errors.count("uncle") == 100
    assert "and 50 more" in errors


def test_it_says_so_when_the_file_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refuse(tmp_path / "none.csv")[1]


@pytest.mark.parametrize("width", ["member", "channel", "all", "address"])
def test_an_import_never_reverses_a_withdrawal(tmp_path: Path, width: str) -> None:
    family = make_family(ref="A-1", email="elena@example.org", name="Martinez")
    member = family.members.get()
    topic = Topic.objects.get(slug="marketing")
    scopes: dict[str, dict[str, Any]] = {
        "member": {"family": family, "member_id": member.pk, "channel": "email", "topic": topic, "source": "staff"},
        "channel": {"family": family, "channel": "email", "source": "preferences"},
        "all": {"family": family, "source": "api"},
        "address": {"address": "elena@example.org", "channel": "email", "source": "one_click"},
    }
    record_consent(granted=False, **scopes[width])
    path = write(
        tmp_path,
        f"family_ref,family_name,member_name,email,marketing_email\nA-1,Martinez,{member.name},elena@example.org,yes\n",
    )
    assert "1 stay withdrawn" in run(path)
    assert not Consent.objects.filter(granted=True).exists()


def test_who_changed_their_mind_since_the_first_import_is_not_overruled(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace(",yes", ",no"))
    run(path)
    member = Member.objects.get()
    topic = Topic.objects.get(slug="marketing")
    record_consent(
        granted=True, family=member.family, member_id=member.pk, channel="email", topic=topic, source="preferences"
    )
    assert "0 changed" in run(path)
    assert Consent.objects.latest("recorded_at", "id").granted


# Keys


def test_create_api_key_prints_the_key_alone_on_the_last_line() -> None:
    out = StringIO()
    call_command("create_api_key", "portal", "--scope", "families:read", "tasks:read", stdout=out, stderr=StringIO())
    secret = out.getvalue().splitlines()[-1]
    key = ApiKey.objects.get(digest=digest_of(secret))
    assert (key.name, key.scopes) == ("portal", ["families:read", "tasks:read"])


@pytest.mark.parametrize(
    ("name", "scope", "words"), [("portal", "root", "There are: families:read"), (" ", "portal", "120")]
)
def test_create_api_key_refuses_in_one_line(name: str, scope: str, words: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("create_api_key", name, "--scope", scope)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not ApiKey.objects.exists()
