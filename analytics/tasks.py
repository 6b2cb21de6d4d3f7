"""Celery's doors: each calls one job."""

from celery import shared_task

from analytics import jobs


@shared_task(name="analytics.recalculate_preferences", ignore_result=True)
def recalculate_preferences() -> None:
    """Learn channel preferences; a second run does no harm, so it needs no slot of its own."""
    jobs.recalculate_preferences()
