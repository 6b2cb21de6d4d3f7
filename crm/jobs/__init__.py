"""Background work of the ground floor; each can be called, tested and run again without Celery."""

from crm.jobs.duplicates import Found, find_duplicates
from crm.jobs.imports import sweep_imports, work_on_import

__all__ = ["Found", "find_duplicates", "sweep_imports", "work_on_import"]
