"""News that the ground floor sends upward, inside the transaction, once per batch, with ids only."""

from django.dispatch import Signal

interactions_recorded = Signal()  # ids: list[int], live: bool
consent_changed = Signal()  # ids: list[int]
contact_point_changed = Signal()  # ids: list[int]
call_task_closed = Signal()  # ids: list[int]
families_merged = Signal()  # ids: list[int] (the one that stays, the one that went), undone: bool
preferences_changed = Signal()  # ids: list[int] of families

BY_NAME = {
    "interactions_recorded": interactions_recorded,
    "consent_changed": consent_changed,
    "contact_point_changed": contact_point_changed,
    "call_task_closed": call_task_closed,
    "families_merged": families_merged,
    "preferences_changed": preferences_changed,
}
