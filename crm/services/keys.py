"""Keys for other systems: shown once, kept as a digest."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.models import ApiKey
from crm.scopes import SCOPES
from crm.services.changes import note_changes

OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=30)


def create_api_key(*, name: str, scopes: Sequence[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Make a key; answers the row and the secret, which cannot be read again. Raises `Invalid`."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Invalid(
            {
                "scopes": _("Not scopes: %(bad)s. There are: %(all)s.")
                % {"bad": ", ".join(unknown) or "–", "all": ", ".join(SCOPES)}
            }
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid({"expires_at": _("This time is over already.")})
    secret = new_secret()
    key = ApiKey.objects.create(
        name=name, prefix=secret[:10], digest=digest_of(secret), scopes=sorted(set(scopes)), expires_at=expires_at
    )
    return key, secret


@transaction.atomic
def revoke_api_keys(*, keys: QuerySet[ApiKey]) -> int:
    """Refuse these keys from now on; answers how many worked until now."""
    working, moment = list(keys.filter(revoked_at=None)), timezone.now()
    note_changes(changed=[(key, {"revoked_at": (None, moment)}) for key in working])
    return ApiKey.objects.filter(pk__in=[key.pk for key in working], revoked_at=None).update(revoked_at=moment)


@transaction.atomic
def rotate_api_key(*, key: ApiKey, overlap: timedelta = OVERLAP) -> str:
    """Give a key a new secret and answer it; the one before works on for `overlap`, and no longer than the key itself.

    All else stays: scopes, end, portal tokens, kept answers. Raises `Invalid` for a revoked or expired key.
    """
    key = ApiKey.objects.select_for_update().get(pk=key.pk)
    now = timezone.now()
    if key.revoked_at or (key.expires_at and key.expires_at <= now):
        raise Invalid({"": _("This key is revoked or expired; make a new one.")})
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid({"overlap": _("The overlap lies between 0 and 30 days.")})
    secret = new_secret()
    key.previous_digest, key.previous_until = key.digest, now + overlap
    key.digest, key.prefix, key.rotated_at = digest_of(secret), secret[:10], now
    key.save(update_fields=["previous_digest", "previous_until", "digest", "prefix", "rotated_at"])
    return secret


def new_secret() -> str:
    """256 random bits under our own sign."""
    return "esk_" + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """SHA-256; a random key of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
