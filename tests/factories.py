"""Makers of test data, through the same services that people use."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from channels.models import Template
from channels.rendering import Text
from channels.services.templates import Draft, TemplateDetails, create_template
from crm.models import ApiKey, Event, Family, Interaction, Member, Topic
from crm.roles import OfficeRole
from crm.services import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    NewInteraction,
    create_api_key,
    record_interaction,
    upsert_family,
)

_numbers = itertools.count(1)


def make_user(
    username: str = "nora", *, superuser: bool = False, role: OfficeRole | None = OfficeRole.STAFF, **extra: Any
) -> Any:
    """Somebody of the office who can log in with the password “earshot-demo”."""
    make = get_user_model().objects.create_superuser if superuser else get_user_model().objects.create_user
    user = make(username=username, password="earshot-demo", first_name=username.title(), **extra)
    if role and not superuser:
        user.groups.add(Group.objects.get(name=role))
    return user


def make_family(
    name: str = "Martinez family",
    *,
    ref: str | None = None,
    email: str | None = "auto",
    phone: str | None = "auto",
    sms: bool = True,
    portal: bool = False,
    tags: list[str] | None = None,
    stage: str | None = None,
    time_zone: str | None = None,
    child: bool = False,
) -> Family:
    """A family with one guardian, reachable by what is named; “auto” makes an address of its own."""
    number = next(_numbers)
    points = []
    if email:
        points.append(ContactDetails("email", f"family{number}@example.org" if email == "auto" else email))
    if phone:
        value = f"+4477009{number:05d}" if phone == "auto" else phone
        points.append(ContactDetails("phone", value))
        if sms:
            points.append(ContactDetails("sms", value))
    if portal:
        points.append(ContactDetails("portal", f"account-{number}"))
    members = [MemberDetails(f"Elena {name.split(' ')[0]}", "guardian", contact_points=points)]
    if child:
        members.append(MemberDetails(f"Sofia {name.split(' ')[0]}", "student"))
    details = FamilyDetails(
        external_ref=ref or f"RB-{number:04d}", name=name, members=members, tags=tags, stage=stage, time_zone=time_zone
    )
    return upsert_family(details=details)[0]


def make_interaction(family: Family, kind: str, at: datetime | None = None, **extra: Any) -> Interaction:
    """One entry of the log."""
    extra.setdefault("external_system", "test")
    extra.setdefault("external_id", f"test-{next(_numbers)}")
    row = NewInteraction(family.pk, kind, at or timezone.now() - timedelta(minutes=1), **extra)
    return Interaction.objects.get(pk=record_interaction(row).id)


def make_event(name: str = "Harvest fair", starts_at: datetime | None = None) -> Event:
    return Event.objects.create(name=name, place="Old Mill hall", starts_at=starts_at or timezone.now())


def guardian(family: Family) -> Member:
    return family.members.order_by("id")[0]


def make_key(*scopes: str) -> str:
    """A server key's secret."""
    return create_api_key(name="test", scopes=scopes)[1]


def template_details(name: str = "Fair", slug: str = "fair", topic: str = "transactional") -> TemplateDetails:
    return TemplateDetails(name, slug, Topic.objects.get(slug=topic))


def template_draft(
    body: str = "Hello {{ member.first_name }}", language: str = "en", base: int = 0, **extra: Any
) -> Draft:
    return Draft(language, Text("Fair", body, extra.pop("variants", {})), base, extra.pop("samples", {}))


def make_template(body: str = "Hello {{ member.first_name }}", **extra: Any) -> Template:
    kept = {name: extra.pop(name) for name in ("slug", "name", "topic") if name in extra}
    return create_template(details=template_details(**kept), draft=template_draft(body, **extra))


__all__ = [
    "ApiKey", "guardian", "make_event", "make_family", "make_interaction", "make_key", "make_template", "make_user",
    "template_details", "template_draft",
]  # fmt: skip
