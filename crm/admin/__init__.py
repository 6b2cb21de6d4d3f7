"""The configuration of the ground floor, for administrators."""

from crm.admin import access, families, ledger, log, upkeep, webhooks, work

__all__ = ["access", "families", "ledger", "log", "upkeep", "webhooks", "work"]
