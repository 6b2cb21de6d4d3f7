"""Households change shape: two become one, a person goes to another, somebody is taken out, and all of it back."""

from crm.services.households.merging import merge_families, same_people
from crm.services.households.moving import move_member, remove_contact_point, remove_member
from crm.services.households.undoing import describe, undo_change

__all__ = [
    "describe",
    "merge_families",
    "move_member",
    "remove_contact_point",
    "remove_member",
    "same_people",
    "undo_change",
]
