"""What people changed about one family."""

from crm.models import Change
from crm.selectors.pages import Page, cut_page

PAGE = 50


def family_changes(family_id: int, after: str = "", size: int = PAGE) -> Page[Change]:
    """Entries of a family, its people, addresses, consent and wishes, newest first; in two queries."""
    rows = Change.objects.filter(family_id=family_id).select_related("actor", "content_type").order_by("-id")
    return cut_page(rows, after, ["id"], size, descending=True)
