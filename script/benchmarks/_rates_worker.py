"""A worker that does nothing but send, as the tick and wake-ups would make it; ends when its input closes."""

from __future__ import annotations

import select
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import django

django.setup()

from channels.jobs import send_due  # noqa: E402 - Django first

while not select.select([sys.stdin], [], [], 0.25)[0]:
    send_due()
