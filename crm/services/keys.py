"""Keys for other systems: shown once, kept as a digest."""

import hashlib
import secrets
from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.models import ApiKey
from crm.scopes import SCOPES
from crm.services.changes import note_changes


def create_api_key(*, name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
    """Make a key; answers the row and the secret, which cannot be read again. Raises `Invalid`."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Invalid(
            {
                "scopes": _("Not scopes: %(bad)s. There are: %(all)s.")
                % {"bad": ", ".join(unknown) or "–", "all": ", ".join(SCOPES)}
            }
        )
    secret = "esk_" + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(name=name, prefix=secret[:10], digest=digest_of(secret), scopes=sorted(set(scopes)))
    return key, secret


@transaction.atomic
def revoke_api_keys(*, keys: QuerySet[ApiKey]) -> int:
    """Refuse these keys from now on; answers how many worked until now."""
    working, moment = list(keys.filter(revoked_at=None)), timezone.now()
    note_changes(changed=[(key, {"revoked_at": (None, moment)}) for key in working])
    return ApiKey.objects.filter(pk__in=[key.pk for key in working], revoked_at=None).update(revoked_at=moment)


def digest_of(secret: str) -> str:
    """SHA-256; a random key of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
