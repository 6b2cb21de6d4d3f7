"""What the ground floor itself does with its news: it tells other systems."""

from crm.enums import WebhookEvent
from crm.news import hears
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
