"""Files for a message that is being written: kept at once, so that no error of the form loses them."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.files import MOST_FILES, file_problem, kind_of, plain_name
from channels.models import Attachment, random_path

MEGABYTE = 1024 * 1024


def files_of_form(token: UUID) -> QuerySet[Attachment]:
    """The files that belong to a form, in the order in which they came."""
    return Attachment.objects.filter(token=token, forgotten_at=None)


def keep_files(*, token: UUID, files: Iterable[UploadedFile], by_id: int) -> list[str]:
    """Keep files for a form; answers in words what is wrong with those that are not kept.

    The same file twice is kept once.
    """
    problems = []
    for file in files:
        if problem := _keep(token, file, by_id):
            problems.append(problem)
    return problems


def _keep(token: UUID, file: UploadedFile, by_id: int) -> str:
    name, most = plain_name(file.name or ""), settings.ATTACHMENTS_MAX_MB * MEGABYTE
    there = list(files_of_form(token))
    if (file.size or 0) + sum(one.size for one in there) > most:
        return _("“%(name)s” is too large: all files together may have %(most)d MB.") % {
            "name": name,
            "most": settings.ATTACHMENTS_MAX_MB,
        }
    data = file.read()
    if problem := file_problem(name, data):
        return problem
    digest = hashlib.sha256(data).hexdigest()
    if any((one.digest, one.name) == (digest, name) for one in there):
        return ""
    if len(there) >= MOST_FILES:
        return _("“%(name)s” is one too many: at most %(most)d files go along.") % {"name": name, "most": MOST_FILES}
    return _store(token, name, data, digest, by_id)


def _store(token: UUID, name: str, data: bytes, digest: str, by_id: int) -> str:
    """The row first, so that no file is ever without one; a process that dies in between leaves a row to sweep."""
    kind = kind_of(name, data)
    assert kind is not None
    row = Attachment(
        token=token,
        name=name,
        content_type=kind.content_type,
        size=len(data),
        digest=digest,
        uploaded_by_id=by_id,
        uploaded_at=timezone.now(),
    )
    row.file.name = random_path(row, name)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        # The same file comes twice at the same moment: the other request keeps it.
        return ""
    row.file.storage.save(row.file.name, ContentFile(data))
    return ""


def drop_file(*, token: UUID, pk: int) -> None:
    """Take a file out of a form; one that a message carries stays with that message."""
    for row in Attachment.objects.filter(token=token, pk=pk):
        if row.messages.exists():
            Attachment.objects.filter(pk=row.pk).update(token=_nobodys(row))
        else:
            row.file.storage.delete(str(row.file.name))
            row.delete()


def _nobodys(row: Attachment) -> UUID:
    """A token that no form has."""
    return UUID(int=row.pk)
