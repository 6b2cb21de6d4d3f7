"""Background work of the ground floor; each can be called, tested and run again without Celery."""

from crm.jobs.webhooks import sweep_api, tell_webhooks

__all__ = ["sweep_api", "tell_webhooks"]
