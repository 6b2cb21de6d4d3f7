"""Likely duplicates: the list with its evidence, two side by side, and the merge."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from crm import services
from crm.errors import Invalid
from crm.models import Duplicate, Family
from crm.roles import OfficeRole, role_required
from crm.selectors.duplicates import become_one, differing, duplicates_page, latest_changes, read_side, signs_of
from crm.selectors.references import family_after_merge, id_of
from crm.services.duplicates import dismiss_duplicate, reopen_duplicate
from crm.services.households import describe
from crm.views.households import find_families
from crm.views.posting import posted_from
from crm.views.sheets import done
from crm.wake import wake


@role_required(OfficeRole.MANAGER)
@require_safe
def duplicates(request: HttpRequest) -> HttpResponse:
    """Families that may stand twice, the likeliest first, and what was merged lately."""
    page = duplicates_page(request.GET.get("after", ""))
    context = {
        "rows": [(one, signs_of(one)) for one in page.rows],
        "next": page.next,
        "continues": bool(request.GET.get("after")),
        "changes": [(one, describe(one)) for one in latest_changes()],
        "place": "crm:families",
    }
    return render(request, "crm/duplicates.html", context)


@role_required(OfficeRole.MANAGER)
@posted_from("crm:duplicates")
def duplicates_look(request: HttpRequest) -> HttpResponse:
    """Look for duplicates now, in the background."""
    wake("crm.find_duplicates")
    messages.success(request, _("We are looking. New ones are on this page in a minute."))
    return redirect("crm:duplicates")


@role_required(OfficeRole.MANAGER)
@posted_from(lambda pk: reverse("crm:duplicates"))
def duplicate_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that two are not the same; with `undo` take that back."""
    duplicate = get_object_or_404(Duplicate, pk=pk)
    if "undo" in request.GET:
        reopen_duplicate(duplicate=duplicate)
        messages.success(request, _("It is on the list again"))
    else:
        dismiss_duplicate(duplicate=duplicate, by_id=request.user.pk)
        undo = f"{reverse('crm:duplicate-dismiss', args=[pk])}?undo"
        messages.success(request, _("Kept as two; they are not shown again"), extra_tags=f"undo:{undo}")
    return redirect("crm:duplicates")


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def family_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Two families side by side (`?with=`), and the merge: this one stays. Without another one, a search for it."""
    keep = Family.objects.filter(pk=pk).first()
    if keep is None:
        after = get_object_or_404(Family, pk=family_after_merge(pk) or pk)
        return HttpResponseRedirect(reverse("crm:family-merge", args=[after.pk]))
    other_id = id_of((request.POST or request.GET).get("with", ""))
    if request.method == "POST":
        return _merge(request, keep, other_id)
    other = Family.objects.filter(pk=other_id or 0).exclude(pk=pk).first()
    if other is None:
        return _pick(request, keep, other_id)
    context = {
        "family": keep,
        "keep": read_side(keep),
        "gone": read_side(other),
        "one": become_one(keep, other),
        "differing": differing(keep, other),
        "duplicate": Duplicate.objects.filter(first_id=min(pk, other.pk), second_id=max(pk, other.pk)).first(),
        "place": "crm:families",
    }
    return render(request, "crm/family_merge.html", context)


def _pick(request: HttpRequest, keep: Family, other_id: int | None) -> HttpResponse:
    """Search for the other family; say so where the one that was named is this one, or is gone."""
    text = request.GET.get("q", "").replace("\x00", "").strip()
    context = {
        "family": keep,
        "text": text,
        "found": find_families(text, besides=keep.pk),
        "is_itself": other_id == keep.pk or (other_id is not None and family_after_merge(other_id) == keep.pk),
        "is_gone": other_id is not None,
        "changes": [(one, describe(one)) for one in latest_changes(keep)],
        "place": "crm:families",
    }
    if request.headers.get("HX-Target") == "merge-found":
        return render(request, "crm/partials/merge_found.html", context)
    return render(request, "crm/family_merge_pick.html", context)


def _merge(request: HttpRequest, keep: Family, other_id: int | None) -> HttpResponse:
    # Each choice stands in the field of its name: which of the two is right.
    take = {name.removeprefix("choose.") for name, side in request.POST.items() if side == "other"}
    try:
        change = services.merge_families(keep_id=keep.pk, gone_id=other_id or 0, by_id=request.user.pk, take=take)
    except Invalid as error:
        for words in error.errors.values():
            messages.error(request, " ".join(words))
        return redirect("crm:family-merge", keep.pk)
    said = _("%(gone)s is part of %(family)s now") % {"gone": change.gone_name, "family": change.family.name}
    return done(request, keep.get_absolute_url(), said, change)
