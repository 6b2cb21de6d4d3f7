"""Two questions of a supervisor: is the process up, and can it do its work?"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from kombu import Connection

from crm.models import Tick
from crm.roles import everyone

log = logging.getLogger(__name__)
LATE = timedelta(minutes=2)


@everyone
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; it asks nothing of anybody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@everyone
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where database, migrations, broker and background work are well; 503 names what is not."""
    parts = {"database": _database()}
    if parts["database"] == "ok":
        parts["migrations"] = _migrations()
        parts["background"] = _background() if parts["migrations"] == "ok" else "not known"
    parts["broker"] = _broker()
    well = all(state == "ok" for state in parts.values())
    return JsonResponse({"ready": well, **parts}, status=200 if well else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        return "away"
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    return "pending" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


def _background() -> str:
    """Worker and scheduler together leave a heartbeat about every ten seconds."""
    beat = Tick.objects.filter(job="heartbeat", slot="worker").values_list("started_at", flat=True).first()
    if beat is None:
        return "never seen"
    return "ok" if timezone.now() - beat < LATE else "late"


def _broker() -> str:
    if not settings.REDIS_URL:
        return "ok"  # The embedded broker is a folder beside the database.
    try:
        with Connection(
            settings.REDIS_URL, transport_options={"socket_connect_timeout": 2, "socket_timeout": 2}
        ) as link:
            link.ensure_connection(max_retries=1, timeout=2)
    except Exception:
        log.exception("the broker does not answer")
        return "away"
    return "ok"
