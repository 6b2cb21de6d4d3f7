"""Background work of the ground floor; each can be called, tested and run again without Celery."""

from crm.jobs.imports import sweep_imports, work_on_import

__all__ = ["sweep_imports", "work_on_import"]
