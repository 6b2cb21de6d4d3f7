"""Background work of the channels floor; each can be called, tested and run again without Celery."""

from channels.jobs.echoes import post_echoes
from channels.jobs.fallback import fall_back
from channels.jobs.finding import ask_vendors
from channels.jobs.hear import process_receipts, replay_receipts
from channels.jobs.outbox import send_due
from channels.jobs.sweep import sweep

__all__ = ["ask_vendors", "fall_back", "post_echoes", "process_receipts", "replay_receipts", "send_due", "sweep"]
