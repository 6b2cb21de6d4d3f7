"""How the organisation looks and speaks in what it sends, read from the environment."""

import re

from config.environment import env, refuse

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def language() -> str:
    """ORGANISATION_LANGUAGE, a BCP 47 tag."""
    tag = env.str("ORGANISATION_LANGUAGE", "en").strip()
    if not _LANGUAGE.fullmatch(tag):
        refuse(f"ORGANISATION_LANGUAGE is “{tag}”; it must be a language such as en or pt-BR.")
    return tag


def colour() -> str:
    """ORGANISATION_COLOUR, on which white can be read (WCAG 2.2, 1.4.3: 4.5 to 1)."""
    value = env.str("ORGANISATION_COLOUR", "#0c5f66").strip()
    if not _COLOUR.fullmatch(value):
        refuse(f"ORGANISATION_COLOUR is “{value}”; it must be written like #0c5f66.")
    if 1.05 / (_luminance(value) + 0.05) < 4.5:
        refuse(f"ORGANISATION_COLOUR is “{value}”; white words cannot be read on it, so choose a darker one.")
    return value.lower()


def logo_url() -> str:
    """ORGANISATION_LOGO_URL, where mail programs fetch the logo; empty where there is none."""
    url = env.str("ORGANISATION_LOGO_URL", "").strip()
    if url and (not url.startswith("https://") or any(sign in url for sign in "\"'<> ")):
        refuse(f"ORGANISATION_LOGO_URL is “{url}”; it must be an address that begins with https://.")
    return url


def _luminance(value: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(value[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
