"""Background work of the ground floor: it can be called, tested and run again without Celery."""

from crm.jobs.duplicates import Found, find_duplicates

__all__ = ["Found", "find_duplicates"]
