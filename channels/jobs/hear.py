"""Reads stored receipts: each event in a transaction of its own, so that one bad event costs only itself."""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from channels.adapters import ear_of
from channels.enums import ReceiptState
from channels.jobs.apply import apply_news, keep_wish
from channels.models import Receipt
from channels.ports import Ear, StoredRequest

log = logging.getLogger(__name__)
BATCH = 100
MATCH_FOR = timedelta(minutes=10)
"""How long a callback that knows no delivery yet is tried again: our own commit may come later than the callback."""

MOST_TRIES = 8
CLAIM = timedelta(minutes=5)
"""How long a reader may take; whoever died in between is followed by another after that."""


def process_receipts(*, most: int = 1000) -> int:
    """Read new receipts, oldest first; answers how many."""
    done = 0
    while done < most:
        waiting = Receipt.objects.filter(_free(), state=ReceiptState.NEW)
        ids = list(waiting.order_by("id").values_list("pk", flat=True)[:BATCH])
        if not ids:
            return done
        done += sum(_process(pk, ReceiptState.NEW) for pk in ids)
    return done


def replay_receipts(*, failed_only: bool = True, since: datetime | None = None) -> int:
    """Read stored receipts again; all steps are idempotent, so this only adds what was missed."""
    chosen = Receipt.objects.order_by("id")
    if failed_only:
        chosen = chosen.filter(Q(state=ReceiptState.FAILED) | Q(state=ReceiptState.UNMATCHED))
    if since is not None:
        chosen = chosen.filter(received_at__gte=since)
    ids = list(chosen.values_list("pk", flat=True))
    return sum(_process(pk) for pk in ids)


def retry_unmatched() -> int:
    """Try young unmatched receipts again."""
    young = Receipt.objects.filter(state=ReceiptState.UNMATCHED, received_at__gte=timezone.now() - MATCH_FOR)
    ids = list(young.order_by("processed_at").values_list("pk", flat=True)[:BATCH])
    return sum(_process(pk, ReceiptState.UNMATCHED) for pk in ids)


def _free() -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())


def _process(pk: int, *states: str) -> bool:
    """Read one receipt, unless somebody else reads it just now or has brought it out of these states."""
    now = timezone.now()
    free = Receipt.objects.filter(_free(), pk=pk, **({"state__in": states} if states else {}))
    if not free.update(claimed_until=now + CLAIM):
        return False
    _read(Receipt.objects.get(pk=pk))
    return True


def _read(receipt: Receipt) -> None:
    try:
        ear = ear_of(receipt.source)
        parts = ear.split(_stored(receipt))
    except Exception as error:
        log.exception("receipt %s cannot be read", receipt.pk)
        _finish(receipt, ReceiptState.FAILED, [repr(error)])
        return
    try:
        errors, unmatched = _apply_all(receipt, ear, parts)
    except (OperationalError, IntegrityError) as error:
        log.warning("receipt %s: the database was busy (%r); it is read again", receipt.pk, error)
        _put_back(receipt, error)
        return
    state = ReceiptState.FAILED if errors else ReceiptState.UNMATCHED if unmatched else ReceiptState.DONE
    _finish(receipt, state, errors)


def _apply_all(receipt: Receipt, ear: Ear, parts: list[StoredRequest]) -> tuple[list[str], bool]:
    errors, unmatched = [], False
    for index, part in enumerate(parts):
        try:
            for news in ear.parse(part):
                with transaction.atomic():
                    keep_wish(news)
                with transaction.atomic():
                    unmatched |= not apply_news(receipt, news)
        except (OperationalError, IntegrityError):
            raise
        except Exception as error:
            log.exception("receipt %s: event %s failed", receipt.pk, index)
            errors.append(f"event {index}: {error!r}")
    return errors, unmatched


def _put_back(receipt: Receipt, error: Exception) -> None:
    """A lock or a lost line is nobody's fault: the receipt is read again soon, and kept as failed after many tries."""
    if receipt.tries >= MOST_TRIES:
        _finish(receipt, ReceiptState.FAILED, [repr(error)])
        return
    wait = timedelta(seconds=5 * 2**receipt.tries)
    Receipt.objects.filter(pk=receipt.pk).update(
        state=ReceiptState.NEW, tries=receipt.tries + 1, claimed_until=timezone.now() + wait
    )


def _stored(receipt: Receipt) -> StoredRequest:
    return StoredRequest(
        receipt.path, receipt.query, receipt.content_type, receipt.headers, bytes(receipt.body), receipt.received_at
    )


def _finish(receipt: Receipt, state: str, errors: list[str]) -> None:
    receipt.state, receipt.error, receipt.tries = state, "\n".join(errors)[:5000], receipt.tries + 1
    receipt.processed_at, receipt.claimed_until = timezone.now(), None
    receipt.save(update_fields=["state", "error", "tries", "processed_at", "claimed_until"])
