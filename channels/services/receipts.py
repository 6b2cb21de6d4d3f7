"""Takes a callback in, raw, before anything else looks at it."""

import hashlib
from collections.abc import Mapping

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from channels.models import Receipt, RefusedCallback
from crm.wake import wake

_KEPT_OUT = frozenset({"authorization", "cookie", "proxy-authorization"})


@transaction.atomic
def store_receipt(
    *, source: str, path: str, query: str, content_type: str, headers: Mapping[str, str], body: bytes
) -> tuple[Receipt, bool]:
    """Keep a callback; the same body from the same source is one receipt. Wakes the worker that reads it."""
    digest = hashlib.sha256(query.encode() + b"\n" + body).hexdigest()
    receipt, created = Receipt.objects.get_or_create(
        source=source,
        digest=digest,
        defaults={
            "path": path[:300],
            "query": query[:1000],
            "content_type": content_type[:200],
            "headers": {name: value for name, value in headers.items() if name.lower() not in _KEPT_OUT},
            "body": body,
            "received_at": timezone.now(),
        },
    )
    if created:
        wake("channels.process_receipts")
    return receipt, created


def count_refusal(*, source: str, reason: str) -> None:
    """Count a callback that was not the vendor's; nothing else of it is kept."""
    row, _created = RefusedCallback.objects.get_or_create(
        source=source[:60], reason=reason[:60], day=timezone.localdate()
    )
    RefusedCallback.objects.filter(pk=row.pk).update(count=F("count") + 1)
