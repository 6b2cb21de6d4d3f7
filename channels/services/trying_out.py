"""A test to oneself: through the outbox like any message, to a household that stands for a colleague."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from channels.models import Message, Template, TemplateVersion
from channels.rendering import Broken
from channels.selectors.readers import first_adult
from channels.services.content import content_of
from channels.services.send import MessageRequest, send_message
from crm.enums import ContactChannel, Stage
from crm.errors import Invalid
from crm.models import Family, Member
from crm.services import FamilyDetails, MemberDetails, upsert_family
from crm.services.contacts import add_contact_point, change_contact_point

SOURCE = "test"


@transaction.atomic
def send_test(
    *,
    template: Template,
    version: TemplateVersion,
    language: str,
    family: Family | None,
    channel: str,
    address: str,
    user: Any,
) -> Message:
    """Send what a version says to `family`, to one's own address; raises `Invalid` by field.

    It goes to a household that stands for the colleague and has left, so that no family's log tells of it and no
    campaign reaches it; every channel says that it is a test.
    """
    household, person = _household_of(user)
    _set_address(household, person, channel, address)
    try:
        content, spoken = content_of(
            version=version,
            topic=template.topic.name,
            family=family or household,
            member=first_adult(family) if family else person,
            given=version.samples,
            language=language,
        )
    except Broken as error:
        raise Invalid({"": str(error)}) from error
    request = MessageRequest(
        household.pk,
        content.body,
        subject=content.subject,
        html=content.html,
        sms=content.sms,
        variants=content.variants,
        member_id=person.pk,
        channel=channel,
        allow_fallback=False,
        source=SOURCE,
        created_by_id=user.pk,
        template_version_id=version.pk,
        language=spoken,
    )
    return send_message(request=_labelled(request)).message


def _household_of(user: Any) -> tuple[Family, Member]:
    name = user.get_full_name() or user.get_username()
    details = FamilyDetails(
        external_ref=f"test-{user.pk}",
        name=_("Tests of %s") % name,
        stage=Stage.LEFT,
        members=[MemberDetails(name, external_ref=f"test-{user.pk}")],
    )
    household = upsert_family(details=details)[0]
    return household, household.members.get(external_ref=f"test-{user.pk}")


def _set_address(household: Family, person: Member, channel: str, address: str) -> None:
    """The address that was typed is the one that is used; said anew, it works."""
    if channel not in ContactChannel.values:
        raise Invalid({"": _("“%s” carries no messages.") % channel})
    given = {"channel": channel, "value": address, "is_primary": True, "is_valid": True}
    point, created = add_contact_point(family=household, member_id=person.pk, given=given)
    if not created:
        change_contact_point(point=point, given={"is_primary": True, "is_valid": True})


def _labelled(request: MessageRequest) -> MessageRequest:
    mark, short = _("[Test]"), _("Test:")
    variants = {channel: dict(said) for channel, said in request.variants.items()}
    for said in variants.values():
        if said.get("title"):
            said["title"] = f"{mark} {said['title']}"
        if said.get("text"):
            said["text"] = f"{short} {said['text']}"
    return replace(
        request,
        subject=f"{mark} {request.subject}".strip()[:300],
        body=f"{short} {request.body}",
        sms=f"{short} {request.sms}"[:1600] if request.sms else "",
        variants=variants,
    )
