"""Type a name, choose an act: the way to any family from anywhere, by keyboard alone."""

from collections.abc import Set
from dataclasses import dataclass

from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from crm.models import Family
from crm.roles import OfficeRole, role_required

FOUND = 7
# What people type before or after a name; the act comes first of the row then.
VERBS = {
    "call": "call", "called": "call", "log": "call", "rang": "call", "ring": "call", "rung": "call",
    "phone": "call", "phoned": "call", "voicemail": "call", "answered": "call",
    "note": "note",
    "message": "message", "write": "message", "send": "message", "email": "message", "mail": "message",
    "text": "message", "sms": "message", "whatsapp": "message",
    "talk": "talk", "talked": "talk", "conversation": "talk", "met": "talk", "spoke": "talk", "visit": "talk",
    "ask": "task", "task": "task", "remind": "task",
    "open": "open", "go": "open",
}  # fmt: skip
# Words around a name that name nobody; “log” gives way to a verb that says more.
ASIDE = {
    "a", "an", "the", "to", "with", "for", "about", "of", "at", "on", "and", "left", "no", "answer",
    "mum", "mom", "mother", "dad", "father", "parent", "parents",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed: an act, where a word before or after the name says one, and whom to find."""

    act: str
    name: str

    @classmethod
    def readings(cls, typed: str) -> "list[Wish]":
        """The likeliest first: “call mart” is a call to whoever is called mart; a verb alone may be a name.

        Each further reading takes less of it for the name.
        """
        text = typed.replace("\x00", "").strip()[:200]
        first, _space, rest = text.partition(" ")
        act = VERBS.get(first.casefold(), "")
        plain = cls(act, rest.strip()) if act and rest.strip() else cls("open", text)
        return list(dict.fromkeys([plain, cls._within(text, VERBS.keys()), cls._within(text, VERBS.keys() | ASIDE)]))

    @classmethod
    def _within(cls, text: str, around: Set[str]) -> "Wish":
        """Without the words of `around` at both ends, as long as a word is left."""
        words = text.split()
        said = []
        for end in (0, -1):
            while len(words) > 1 and words[end].casefold() in around:
                said.append(words.pop(end).casefold())
        acts = [VERBS[word] for word in said if word in VERBS and word != "log"]
        name = " ".join(words).removesuffix("'s").removesuffix("’s")
        return cls(next(iter(acts), "call" if "log" in said else "open"), name)


@role_required(OfficeRole.STAFF)
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def palette(request: HttpRequest) -> HttpResponse:
    """Families that fit, each with all that can be done; the answer to a script is the list alone."""
    wish, found = _first_that_finds(Wish.readings(request.GET.get("do", "")))
    context = {"wish": wish, "found": found, "typed": request.GET.get("do", "")}
    part = request.headers.get("HX-Target") == "palette-found"
    return render(request, "crm/partials/palette_found.html" if part else "crm/palette.html", context)


def _first_that_finds(readings: list[Wish]) -> tuple[Wish, list[Family]]:
    for wish in readings:
        if wish.name and (found := _find(wish.name)):
            return wish, found
    return readings[0], []


def _find(name: str) -> list[Family]:
    """Those whose own name begins so come first, then whoever is found by anything else."""
    begins = Case(When(name__istartswith=name, then=Value(0)), default=Value(1))
    return list(Family.objects.search(name).order_by(begins, "name", "id")[:FOUND])
