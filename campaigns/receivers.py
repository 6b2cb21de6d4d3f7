"""What campaigns answer when the ground floor asks."""

from campaigns.models import Campaign
from crm.models import Tag
from crm.naming import names_tags


@names_tags
def is_in_an_audience(tag: Tag) -> bool:
    """Whether a campaign, sent or not, is for families with this tag."""
    audiences = Campaign.objects.values_list("audience", flat=True)
    return any(tag.pk in (audience.get("tags") or ()) for audience in audiences.iterator())
