"""Background work of the ground floor; each can be called, tested and run again without Celery."""

from crm.jobs.duplicates import Found, find_duplicates
from crm.jobs.imports import sweep_imports, work_on_import
from crm.jobs.upkeep import sweep_api
from crm.jobs.webhooks import tell_webhooks

__all__ = ["Found", "find_duplicates", "sweep_api", "sweep_imports", "tell_webhooks", "work_on_import"]
