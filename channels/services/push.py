"""Takes in the browsers that a family lets us push to."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.models import PushSubscription
from crm.adapters.outside import check_url
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member
from crm.services.contacts import add_contact_point, change_contact_point
from crm.services.holding import hold_families

MOST_BROWSERS = 50
"""Of one family; more than that is no family's doing."""


@transaction.atomic
def subscribe(
    *, family: Family, member: Member | None, endpoint: str, p256dh: str, auth: str, label: str = ""
) -> tuple[ContactPoint, bool]:
    """Keep a browser as a way to reach this person; answers its contact point and whether it is new.

    A browser belongs to whoever subscribed last: for everybody else it stops working. Raises `Invalid` by field.
    """
    _check_endpoint(endpoint)
    same = ContactPoint.objects.filter(channel="push", value=endpoint)
    hold_families([family.pk, *same.values_list("family_id", flat=True)])
    mine = same.filter(family=family, member=member).first()
    theirs = family.contact_points.filter(channel="push", is_valid=True)
    if mine is None and theirs.count() >= MOST_BROWSERS:
        raise Invalid({"endpoint": _("Too many browsers are subscribed for you already.")})
    point, created = mine, False
    if point is None:
        given = {"channel": "push", "value": endpoint, "label": label}
        point, created = add_contact_point(family=family, member_id=member.pk if member else None, given=given)
    elif not point.is_valid:
        point = change_contact_point(point=point, given={"is_valid": True})
    _keep_keys(point, p256dh, auth)
    for other in same.exclude(pk=point.pk).filter(is_valid=True).order_by("family_id", "pk"):
        change_contact_point(
            point=other, given={"is_valid": False, "invalid_reason": _("somebody else uses this browser now")}
        )
    return point, created


def _check_endpoint(endpoint: str) -> None:
    try:
        check_url(endpoint)
    except Invalid as error:
        raise Invalid({"endpoint": error.errors["url"]}) from None


def _keep_keys(point: ContactPoint, p256dh: str, auth: str) -> None:
    keys = {"p256dh": p256dh, "auth": auth, "server_key": settings.VAPID_PUBLIC_KEY}
    PushSubscription.objects.update_or_create(
        contact_point=point, defaults=keys, create_defaults={**keys, "created_at": timezone.now()}
    )
