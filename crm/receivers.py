"""What the ground floor itself does with its news: it tells other systems, and notes who was in touch."""

from crm.enums import WebhookEvent
from crm.news import hears
from crm.services.last_contacts import note_contacts, read_contacts_again
from crm.services.webhooks import queue_webhooks


@hears("interactions_recorded")
def tell_of_interactions(*, ids: list[int], live: bool) -> None:
    """Imports and demo data are told to nobody."""
    if live:
        queue_webhooks(event=WebhookEvent.INTERACTIONS, ids=ids)


@hears("consent_changed")
def tell_of_consents(*, ids: list[int]) -> None:
    """Every record, whoever made it."""
    queue_webhooks(event=WebhookEvent.CONSENTS, ids=ids)


@hears("preferences_changed")
def tell_of_preferences(*, ids: list[int]) -> None:
    """Families that stated another wish."""
    queue_webhooks(event=WebhookEvent.PREFERENCES, ids=ids)


@hears("interactions_recorded")
def note_last_contacts(*, ids: list[int], live: bool) -> None:
    """Imports and demo data are contacts as well; they are older than what is known, or become it."""
    note_contacts(interaction_ids=ids)


@hears("families_merged")
def read_last_contacts_again(*, ids: list[int], undone: bool) -> None:
    """The one that stays has the contacts of both; after an undo each has its own."""
    read_contacts_again(family_ids=ids)
