"""Rows as other systems see them, by API and by webhook alike."""

import json
from collections.abc import Sequence
from typing import Any

from crm.models import Consent, ContactPoint, Family, Interaction, Member
from crm.selectors.references import reference_of

LONGEST_METADATA = 8_000
"""Characters of JSON in a webhook; what is longer is read by API."""


def entry_as_json(family: Family, entry: Interaction, correction: Interaction | None) -> dict[str, Any]:
    """CONTRACT.md, Timeline entry; expects the member and the author fetched along."""
    return {
        "id": entry.pk,
        "family": family.external_ref,
        "member": reference_of(entry.member),
        "interaction_type": entry.interaction_type,
        "channel": entry.channel,
        "category": entry.category,
        "direction": entry.direction,
        "outcome": entry.outcome,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "external_system": entry.external_system,
        "external_id": entry.external_id,
        "in_reply_to": entry.in_reply_to,
        "attempt": entry.attempt_id,
        "message": entry.message_id,
        "created_by": entry.created_by.get_username() if entry.created_by else None,
        "metadata": entry.metadata,
        "correction": {"id": correction.pk, **correction.metadata} if correction else None,
    }


def entries_as_json(ids: Sequence[int]) -> list[dict[str, Any]]:
    """Entries for a webhook, oldest number first, in one query; long metadata is left out and said to be."""
    rows = Interaction.objects.filter(pk__in=ids).select_related("family", "member", "created_by").order_by("pk")
    entries = [entry_as_json(row.family, row, None) for row in rows]
    for entry in entries:
        if len(json.dumps(entry["metadata"])) > LONGEST_METADATA:
            entry |= {"metadata": {}, "metadata_left_out": True}
    return entries


def consent_as_json(record: Consent) -> dict[str, Any]:
    """One record of the ledger."""
    return {
        "id": record.pk,
        "family": record.family.external_ref if record.family else None,
        "member": reference_of(record.member),
        "address": record.address,
        "channel": record.channel,
        "topic": record.topic.slug if record.topic else None,
        "granted": record.granted,
        "recorded_at": record.recorded_at,
        "source": record.source,
        "recorded_by": record.recorded_by.get_username() if record.recorded_by else None,
        "evidence": record.evidence,
    }


def consents_as_json(ids: Sequence[int]) -> list[dict[str, Any]]:
    """Records for a webhook, oldest number first, in one query."""
    rows = Consent.objects.filter(pk__in=ids).select_related("family", "member", "topic", "recorded_by")
    return [consent_as_json(row) for row in rows.order_by("pk")]


def point_as_json(point: ContactPoint) -> dict[str, Any]:
    """CONTRACT.md, CP, with what names it in an address; expects the member fetched along."""
    return {
        "id": point.pk,
        "member": reference_of(point.member),
        "channel": point.channel,
        "value": point.value,
        "label": point.label,
        "is_primary": point.is_primary,
        "is_valid": point.is_valid,
        "invalid_reason": point.invalid_reason,
    }


def member_as_json(member: Member) -> dict[str, Any]:
    """A person, without addresses."""
    return {"id": member.pk, "external_ref": member.external_ref, "name": member.name, "role": member.role}
