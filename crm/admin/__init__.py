"""The configuration of the ground floor, for administrators."""

from crm.admin import access, families, households, ledger, log, upkeep, work

__all__ = ["access", "families", "households", "ledger", "log", "upkeep", "work"]
