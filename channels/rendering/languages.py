"""Languages of a text: BCP 47 tags, and which of those that a template has is the right one."""

import re
from collections.abc import Collection

from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

_TAG = re.compile(r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z")


def language_problem(tag: str) -> str:
    """What is wrong with a language tag; empty where it is fine."""
    return "" if _TAG.match(tag) else _("Write the language like en, es or pt-BR (a BCP 47 tag).")


def choose_language(wanted: str, there: Collection[str]) -> str:
    """The best of the languages that are there: the very one, its region or base, the organisation's, the first.

    Empty where there is none.
    """
    by_fold = {tag.casefold(): tag for tag in there}
    for tag in (wanted.casefold(), settings.ORGANISATION_LANGUAGE.casefold()):
        base = tag.partition("-")[0]
        near = [one for one in by_fold if one.partition("-")[0] == base]
        for fits in (tag, base, *sorted(near)):
            if fits and fits in by_fold:
                return by_fold[fits]
    return next(iter(there), "")


def language_label(tag: str) -> str:
    """“Spanish”, or the tag itself where its name is not known."""
    try:
        return str(_(get_language_info(tag.lower())["name"]))
    except KeyError:
        return tag


def is_right_to_left(tag: str) -> bool:
    """Whether it is written from right to left."""
    return tag.partition("-")[0] in settings.LANGUAGES_BIDI
