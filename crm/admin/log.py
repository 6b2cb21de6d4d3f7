"""The log, and what was learned from it: to be looked at."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from crm.admin.base import BigTable, ByWhom, ReadOnly, SearchById, outcome_words
from crm.models import ChannelPreference, ChannelTally, Interaction, StatedPreference
from crm.selectors.timeline.words import type_word


@admin.register(Interaction)
class InteractionAdmin(SearchById, ReadOnly, BigTable):
    """Nothing here is changed; a correction is made on the family's page."""

    list_display = ("occurred_at", "what", "channel", "direction", "result", "family", "member")
    list_filter = ("channel", "direction", ("is_machine", ByWhom))
    list_select_related = ("family", "member")
    search_help_text = _("A number, or a family’s reference")
    exclude = ("interaction_type", "outcome")
    readonly_fields = ("what", "result")

    @admin.display(description=_("type"), ordering="interaction_type")
    def what(self, row: Interaction) -> str:
        """The type in words."""
        return type_word(row.interaction_type)

    @admin.display(description=_("outcome"), ordering="outcome")
    def result(self, row: Interaction) -> str:
        """The outcome in words."""
        return outcome_words(row.outcome)


@admin.register(ChannelPreference)
class ChannelPreferenceAdmin(SearchById, ReadOnly, BigTable):
    """Written by the nightly job only."""

    list_display = (
        "family", "email_open_rate", "sms_response_rate", "phone_answer_rate", "portal_usage_frequency",
        "best_time_to_contact", "last_calculated",
    )  # fmt: skip
    list_filter = ("portal_usage_frequency", "best_time_to_contact")
    list_select_related = ("family",)


@admin.register(ChannelTally)
class ChannelTallyAdmin(SearchById, ReadOnly, BigTable):
    """Written by the nightly job only."""

    list_display = ("family", "channel", "attempts", "arrived", "engaged", "responded", "last_calculated")
    list_filter = ("channel",)
    list_select_related = ("family",)


@admin.register(StatedPreference)
class StatedPreferenceAdmin(SearchById, ReadOnly, BigTable):
    """Stated on the family's page, where it is said who said it."""

    list_display = ("family", "preferred_channel", "said_by", "recorded_by", "recorded_at")
    list_filter = ("preferred_channel",)
    list_select_related = ("family", "recorded_by")
