"""gunicorn reads this file by itself.

A wrong setting stops the start here, with its sentence: in a worker it would only start the next worker.
"""

import os
import subprocess
import sys
from typing import Any

worker_class = "gthread"
# One Python process uses one core: with a second one a page that takes long holds up nobody's short ones.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(2, os.cpu_count() or 1))
threads = 8
graceful_timeout = 20
control_socket_disable = True

TRY = "import os, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings'); django.setup()"


def on_starting(server: Any) -> None:
    """Try the settings in a process of their own, so that a reload reads them anew."""
    tried = subprocess.run([sys.executable, "-c", TRY], check=False)  # noqa: S603 - our own words
    if tried.returncode:
        raise SystemExit(tried.returncode)
