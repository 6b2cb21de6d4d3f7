"""What staff say of likely duplicates."""

from django.utils import timezone

from crm.models import Duplicate


def dismiss_duplicate(*, duplicate: Duplicate, by_id: int | None) -> None:
    """Keep that these two are not the same, so that no later search shows them again; twice is once."""
    waiting = Duplicate.objects.filter(pk=duplicate.pk, dismissed_at=None)
    waiting.update(dismissed_at=timezone.now(), dismissed_by_id=by_id)


def reopen_duplicate(*, duplicate: Duplicate) -> None:
    """Take “not the same” back."""
    Duplicate.objects.filter(pk=duplicate.pk).update(dismissed_at=None, dismissed_by=None)
