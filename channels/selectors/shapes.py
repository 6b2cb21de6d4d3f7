"""Decisions and messages in the shapes of the public contract."""

from typing import Any

from channels.models import Delivery, Message
from channels.policy import Decision, RankedChannel


def decision_as_json(decision: Decision) -> dict[str, Any]:
    """CONTRACT.md, Recommendation: urgency, channel, ranking with reasons, best time, sentence."""
    return {
        "urgency": decision.urgency,
        "channel": decision.channel,
        "verdict": decision.verdict,
        "ranking": [_ranked(one) for one in decision.ranking],
        "reasons": [{"code": reason.code, "text": reason.text} for reason in decision.reasons],
        "best_time": decision.best_time,
        "sentence": decision.sentence,
    }


def _ranked(one: RankedChannel) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "score": None if one.score is None else round(one.score, 2),
        "estimate": None if one.estimate is None else round(one.estimate, 4),
        "low": one.low,
        "high": one.high,
        "eligible": one.eligible,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in one.reasons],
    }


def message_as_json(message: Message) -> dict[str, Any]:
    """CONTRACT.md, Message; expects family, member, template version and deliveries fetched along."""
    return {
        "id": message.pk,
        "family": message.family.external_ref,
        "member": (message.member.external_ref or str(message.member.pk)) if message.member else None,
        "topic": message.topic.slug,
        "urgency": message.urgency,
        "template": message.template_version.template.slug if message.template_version else None,
        "template_version": message.template_version.number if message.template_version else None,
        "language": message.language,
        "status": message.status,
        "hold_until": message.hold_until,
        "decision": message.decision,
        "error": message.error,
        "deliveries": [_delivery(one) for one in sorted(message.deliveries.all(), key=lambda one: one.leg)],
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.pk,
        "channel": delivery.channel,
        "contact_point": delivery.address,
        "provider": delivery.provider,
        "provider_id": delivery.provider_id,
        "state": delivery.state,
        "error_code": delivery.error_code,
        "error": delivery.error,
        "created_at": delivery.created_at,
        "sent_at": delivery.sent_at,
        "updated_at": delivery.updated_at,
    }
