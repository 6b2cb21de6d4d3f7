"""Requests to change something on the ground floor: keyword-only verbs, atomic, one public purpose each."""

from crm.services.calls import CallReport, close_call_task, create_call_task, log_call
from crm.services.changes import note_changes, note_deed, recent_deeds
from crm.services.consent import record_consent, set_opt_out_channels
from crm.services.conversations import log_conversation, log_note
from crm.services.events import add_places, mark_no_shows, set_attendance, unmark_no_shows
from crm.services.families import NewFamily, create_family, edit_family
from crm.services.family_batches import upsert_family
from crm.services.fixing import change_interaction, pin_interaction, unpin_interaction
from crm.services.households import (
    merge_families,
    move_member,
    remove_contact_point,
    remove_member,
    undo_change,
)
from crm.services.interactions import (
    EARSHOT,
    NewInteraction,
    Recorded,
    correct_interaction,
    record_interaction,
    record_interactions,
    starts_something,
)
from crm.services.keys import create_api_key, revoke_api_keys
from crm.services.members import PointDetails, add_member, edit_member, restore_contact_point, save_contact_point
from crm.services.people import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    invalidate_address,
    refresh_family_text,
)
from crm.services.preferences import state_preference
from crm.services.saying_again import SavedBefore, TakenBack, said_in, say_again
from crm.services.ticks import forget_slots, run_once_a_slot, slot_of
from crm.services.uncorrecting import take_back_correction

__all__ = [
    "EARSHOT",
    "CallReport",
    "ContactDetails",
    "FamilyDetails",
    "MemberDetails",
    "NewFamily",
    "NewInteraction",
    "PointDetails",
    "Recorded",
    "SavedBefore",
    "TakenBack",
    "add_member",
    "add_places",
    "change_interaction",
    "close_call_task",
    "correct_interaction",
    "create_api_key",
    "create_call_task",
    "create_family",
    "edit_family",
    "edit_member",
    "forget_slots",
    "invalidate_address",
    "log_call",
    "log_conversation",
    "log_note",
    "mark_no_shows",
    "merge_families",
    "move_member",
    "note_changes",
    "note_deed",
    "pin_interaction",
    "recent_deeds",
    "record_consent",
    "record_interaction",
    "record_interactions",
    "refresh_family_text",
    "remove_contact_point",
    "remove_member",
    "restore_contact_point",
    "revoke_api_keys",
    "run_once_a_slot",
    "said_in",
    "save_contact_point",
    "say_again",
    "set_attendance",
    "set_opt_out_channels",
    "slot_of",
    "starts_something",
    "state_preference",
    "take_back_correction",
    "undo_change",
    "unmark_no_shows",
    "unpin_interaction",
    "upsert_family",
]
