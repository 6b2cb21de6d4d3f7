"""Type a name, choose an act: the way to any family from anywhere, by keyboard alone."""

from dataclasses import dataclass

from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from crm.models import Family
from crm.roles import OfficeRole, role_required

FOUND = 7
# What people type before a name; the act comes first of the row then.
VERBS = {
    "call": "call", "log": "call", "rang": "call", "phone": "call",
    "note": "note",
    "message": "message", "write": "message", "send": "message", "email": "message", "text": "message",
    "talk": "talk", "conversation": "talk",
    "ask": "task", "task": "task",
    "open": "open", "go": "open",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed: an act, where the first word names one, and whom to find."""

    act: str
    name: str

    @classmethod
    def read(cls, typed: str) -> "Wish":
        """“call mart” is a call to whoever is called mart; a verb alone may be a name."""
        text = typed.replace("\x00", "").strip()[:200]
        first, _space, rest = text.partition(" ")
        act = VERBS.get(first.casefold(), "")
        return cls(act, rest.strip()) if act and rest.strip() else cls("open", text)


@role_required(OfficeRole.STAFF)
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def palette(request: HttpRequest) -> HttpResponse:
    """Families that fit, each with all that can be done; the answer to a script is the list alone."""
    wish = Wish.read(request.GET.get("do", ""))
    found = _find(wish.name) if wish.name else []
    context = {"wish": wish, "found": found, "typed": request.GET.get("do", "")}
    part = request.headers.get("HX-Target") == "palette-found"
    return render(request, "crm/partials/palette_found.html" if part else "crm/palette.html", context)


def _find(name: str) -> list[Family]:
    """Those whose own name begins so come first, then whoever is found by anything else."""
    begins = Case(When(name__istartswith=name, then=Value(0)), default=Value(1))
    return list(Family.objects.search(name).order_by(begins, "name", "id")[:FOUND])
