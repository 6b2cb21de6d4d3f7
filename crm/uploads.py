"""Files that wait between a preview and its confirmation: private, named by chance, gone within the hour."""

import secrets
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

KEPT = timedelta(hours=1)
_SALT = "crm.uploads"


def _storage() -> FileSystemStorage:
    # Media are not served by us, and nobody but the server's own account may read what families' data is in.
    folder = Path(settings.MEDIA_ROOT) / "imports"
    return FileSystemStorage(location=folder, file_permissions_mode=0o600, directory_permissions_mode=0o700)


def keep_upload(data: bytes, *, user_id: int) -> str:
    """Keep a file for its uploader; answers the token that brings it back."""
    _sweep()
    name = _storage().save(f"{secrets.token_urlsafe(24)}.csv", ContentFile(data))
    return signing.dumps({"name": name, "user": user_id}, salt=_SALT)


def take_upload(token: str, *, user_id: int) -> bytes | None:
    """Bring a file back and delete it; None where it is too old, taken already, or somebody else's."""
    try:
        told = signing.loads(token, salt=_SALT, max_age=KEPT)
    except signing.BadSignature:
        return None
    storage = _storage()
    if told["user"] != user_id or not storage.exists(told["name"]):
        return None
    with storage.open(told["name"]) as file:
        data: bytes = file.read()
    storage.delete(told["name"])
    return data


def _sweep() -> None:
    storage = _storage()
    if not storage.exists(""):
        return
    for name in storage.listdir("")[1]:
        if timezone.now() - storage.get_modified_time(name) > KEPT:
            storage.delete(name)
