"""The configuration of the ground floor, for administrators."""

from crm.admin import access, audit, families, ledger, log, upkeep, work

__all__ = ["access", "audit", "families", "ledger", "log", "upkeep", "work"]
