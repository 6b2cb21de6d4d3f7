"""What people changed about one family."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from crm.enums import ChangeKind
from crm.models import Change, Family, HouseholdChange
from crm.selectors.pages import Page, cut_page

PAGE = 50
FEW_MOVES = 5
MOVES_SHOWN = timedelta(days=30)


def family_changes(family_id: int, after: str = "", size: int = PAGE) -> Page[Change]:
    """Entries of a family, its people, addresses, consent and wishes, newest first; in two queries."""
    rows = Change.objects.filter(family_id=family_id).select_related("actor", "content_type").order_by("-id")
    return cut_page(rows, after, ["id"], size, descending=True)


def recent_moves(family: Family, *, with_merges: bool) -> list[tuple[HouseholdChange, str]]:
    """What can be taken back of who came, went or was taken out in the last month, with its words; in one query."""
    rows = HouseholdChange.objects.filter(
        Q(family=family) | Q(other=family), undone_at=None, made_at__gte=timezone.now() - MOVES_SHOWN
    )
    if not with_merges:
        rows = rows.exclude(kind=ChangeKind.MERGE)
    found = rows.select_related("family", "other", "made_by").defer("payload").order_by("-pk")[:FEW_MOVES]
    return [(one, one.words if one.family_id == family.pk else one.words_there) for one in found]
