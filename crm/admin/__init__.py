"""The configuration of the ground floor, for administrators."""

from crm.admin import access, audit, families, households, ledger, log, upkeep, webhooks, work

__all__ = ["access", "audit", "families", "households", "ledger", "log", "upkeep", "webhooks", "work"]
