"""What people can set and call is written down, and what is written down exists."""

import re
from pathlib import Path

import pytest

from channels.registry import ESPS, IN_HOUSE, VENDORS

ROOT = Path(__file__).resolve().parent.parent
OUR_APPS = ("config", "analytics", "campaigns", "channels", "crm")
INSTALL = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
GUIDES = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PROVIDERS = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
READER = (
    r"(?:env\.\w+|boolean|provider|required|optional_\w+|whole_number|words|chat_sender|price|environ\.get"
    r"|getenv|environ\[)"
)
READ = re.compile(READER + r"""\(?\s*["']([A-Z][A-Z0-9_]+)""")
# Django's own name for where the settings are; nobody who installs Earshot sets it.
NOT_FOR_INSTALLERS = {"DJANGO_SETTINGS_MODULE"}


def settings_read() -> set[str]:
    """Every variable that config/*.py asks the environment for."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "config").glob("*.py"))
    vendors = {name for vendor in VENDORS.values() for name in vendor.settings}
    return (set(READ.findall(sources)) | vendors) - NOT_FOR_INSTALLERS


def settings_documented() -> set[str]:
    """The first column of the table of settings."""
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", INSTALL, flags=re.MULTILINE))


def management_commands() -> list[str]:
    paths = (path for app in OUR_APPS for path in (ROOT / app / "management" / "commands").glob("[!_]*.py"))
    return sorted(path.stem for path in paths)


def scripts() -> list[str]:
    return sorted(path.name for path in (ROOT / "script").iterdir() if path.is_file() and not path.suffix)


def test_the_search_finds_settings() -> None:
    """A pattern that finds nothing would let everything pass."""
    assert {"DATABASE_URL", "DEBUG", "EMAIL_URL", "SMS_PROVIDER"} <= settings_read()


def test_every_setting_is_in_the_table() -> None:
    missing = sorted(settings_read() - settings_documented())
    assert not missing, f"docs/install.md does not explain {', '.join(missing)}"


def test_the_table_holds_no_setting_that_nobody_reads() -> None:
    stale = {name for name in settings_documented() - settings_read() if not name.startswith("ANYMAIL_")}
    assert not stale, f"docs/install.md explains {', '.join(sorted(stale))}, which nothing reads"


def test_every_vendor_is_told_with_what_it_needs() -> None:
    rows = {row.split("|")[1].strip(" `"): row for row in PROVIDERS.splitlines() if row.startswith("| `")}
    for vendor in VENDORS.values():
        if vendor.name not in {"sandbox", *ESPS, *IN_HOUSE.values()}:
            needs = [need for channel in vendor.channels for need in vendor.needs_for(channel)]
            assert vendor.name in rows, f"docs/providers.md does not tell of {vendor.name}"
            assert all(name in rows[vendor.name] for need in needs for name in need.split("|")), vendor.name


@pytest.mark.parametrize("name", management_commands())
def test_every_management_command_is_documented(name: str) -> None:
    assert re.search(rf"manage\.py {name}\b", GUIDES), f"neither README.md nor docs/ tells of manage.py {name}"


@pytest.mark.parametrize("name", scripts())
def test_every_script_is_documented(name: str) -> None:
    assert re.search(rf"script/{name}\b", GUIDES), f"neither README.md nor docs/ tells of script/{name}"


def test_the_tests_run_on_the_versions_that_are_served() -> None:
    served, tested = (
        set(re.findall(r"^[\w.\-]+==\S+", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE))
        for name in ("requirements.lock", "requirements-test.lock")
    )
    assert served
    assert served <= tested, f"other versions in requirements-test.lock: {sorted(served - tested)}"
