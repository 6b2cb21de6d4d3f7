"""Example values and variables as people write them: one a line, name = value."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}(\.[A-Za-z_][A-Za-z0-9_]{0,59})?")
_KEY = re.compile(r"[A-Za-z0-9_]{1,40}")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?")


def read_samples(text: str) -> dict[str, Any]:
    """Values by name: `day = 2026-11-12`, `child.name = Sofia`, `names = [Ana, Ben]`; raises `ValueError` in words."""
    values: dict[str, Any] = {}
    for number, name, value in _pairs(text, _NAME):
        root, dot, inner = name.partition(".")
        if not dot:
            values[root] = _value(value)
        elif isinstance(values.setdefault(root, {}), dict):
            values[root][inner] = _plain(value)
        else:
            raise ValueError(
                _("Line %(line)s: “%(name)s” has a value of its own already.") % {"line": number, "name": root}
            )
    return values


def written_samples(values: Mapping[str, Any]) -> str:
    """The lines that `read_samples` reads."""
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += [f"{name}.{inner} = {_written(one)}" for inner, one in value.items()]
        else:
            lines.append(f"{name} = {_written(value)}")
    return "\n".join(lines)


def read_pairs(text: str) -> dict[str, str]:
    """Variables of a vendor's template, by number or name; raises `ValueError` in words."""
    return {name: value for _number, name, value in _pairs(text or "", _KEY)}


def written_pairs(pairs: Mapping[str, str]) -> str:
    """The lines that `read_pairs` reads."""
    return "\n".join(f"{name} = {value}" for name, value in pairs.items())


def _pairs(text: str, form: re.Pattern[str]) -> list[tuple[int, str, str]]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        if not sign or not form.fullmatch(name.strip()):
            raise ValueError(
                _("Line %(line)s is not like name = value: “%(text)s”") % {"line": number, "text": line[:60]}
            )
        found.append((number, name.strip(), value.strip()))
    return found


def _value(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return [_plain(one.strip()) for one in text[1:-1].split(",") if one.strip()]
    return _plain(text)


def _plain(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    if _NUMBER.fullmatch(text) and not (text.lstrip("-").startswith("0") and len(text) > 1 and "." not in text):
        return float(text) if "." in text else int(text)
    return text


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"[{', '.join(map(_written, value))}]" if isinstance(value, list) else str(value)
