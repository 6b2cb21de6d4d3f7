"""The order of the house: opt-outs and reachability, then what was asked for, then what was learned."""

from channels.policy.recipient import find_recipient
from channels.policy.types import CHANNEL_ORDER, Decision, RankedChannel, Reason, Snapshot

URGENCY_WEIGHTS = {"high": {"sms": 1.5, "phone": 1.3}, "normal": {}}
DAILY_PORTAL_SCORE = 70.0
TEXTING = frozenset({"sms", "whatsapp", "rcs"})
LONGEST_TEXT = 1600
"""Characters that Twilio takes for one text (error 21617 beyond)."""
# Where nothing is known: email first, or SMS where it is urgent.
DEFAULT_ORDER = {
    "normal": ("email", "sms", "portal", "whatsapp", "rcs", "push", "phone"),
    "high": ("sms", "email", "whatsapp", "rcs", "push", "phone", "portal"),
}
# After a call that nobody took a text comes next; after every other channel the default order holds.
AFTER = {
    "phone": ("sms", "email"), "portal": ("email", "sms"), "email": ("sms",), "sms": ("email",),
    "whatsapp": ("sms", "email"), "rcs": ("sms", "email"), "push": ("email", "sms"),
}  # fmt: skip


def decide(snapshot: Snapshot) -> Decision:
    """Rank every channel for one family; the first eligible one is chosen."""
    judged = [_judge(snapshot, channel) for channel in CHANNEL_ORDER]
    eligible = [one for one in judged if one.eligible]
    ranking = (*_rank(snapshot, eligible), *(one for one in judged if not one.eligible))
    chosen = ranking[0] if ranking and ranking[0].eligible else None
    return Decision(
        urgency=snapshot.urgency,
        channel=chosen.channel if chosen else None,
        ranking=ranking,
        verdict="send" if chosen else "blocked",
        reasons=chosen.reasons if chosen else (_why_blocked(snapshot, judged),),
        best_time=snapshot.learned.best_time,
    )


def _judge(snapshot: Snapshot, channel: str) -> RankedChannel:
    refusal = _refusal(snapshot, channel)
    if refusal is not None:
        return RankedChannel(channel, eligible=False, reasons=(refusal,), estimate=_estimate(snapshot, channel))
    address, reason = find_recipient(snapshot, channel)
    # What the text or the topic forbids is worth saying only where there is somebody to reach.
    reason = reason or _unfit(snapshot, channel)
    if reason is not None:
        return RankedChannel(channel, eligible=False, reasons=(reason,), estimate=_estimate(snapshot, channel))
    assert address is not None
    score, reasons = _score(snapshot, channel)
    return RankedChannel(
        channel,
        eligible=True,
        reasons=reasons,
        score=score,
        estimate=_estimate(snapshot, channel),
        member_id=address.member_id or snapshot.member_id,
        contact_point_id=address.contact_point_id,
        address=address.value,
    )


def _refusal(snapshot: Snapshot, channel: str) -> Reason | None:
    if channel in snapshot.opted_out:
        return Reason("opted_out")
    if snapshot.only_channel and channel != snapshot.only_channel and not snapshot.allow_fallback:
        return Reason("not_asked_for", {"channel": snapshot.only_channel})
    if channel not in snapshot.ready:
        return Reason("no_sender")
    return None


def _unfit(snapshot: Snapshot, channel: str) -> Reason | None:
    if channel in TEXTING and channel not in snapshot.templates and snapshot.text_length > LONGEST_TEXT:
        return Reason("too_long", {"length": snapshot.text_length, "most": LONGEST_TEXT})
    if channel == "phone" and snapshot.topic_kind == "marketing" and snapshot.only_channel != "phone":
        return Reason("no_marketing_calls")
    return None


def _estimate(snapshot: Snapshot, channel: str) -> float | None:
    rate = snapshot.learned.rates.get(channel)
    return None if rate is None else rate / 100


def _score(snapshot: Snapshot, channel: str) -> tuple[float | None, tuple[Reason, ...]]:
    if channel == "portal" and snapshot.learned.portal_usage == "daily":
        return DAILY_PORTAL_SCORE, (Reason("daily_portal"),)
    rate = snapshot.learned.rates.get(channel)
    if rate is None:
        return None, (Reason("unknown", {"channel": channel}),)
    counts = snapshot.learned.counts.get(channel)
    told = Reason("rate", {
        "channel": channel, "rate": rate,
        "engaged": counts.engaged if counts else None, "attempts": counts.attempts if counts else None,
    })  # fmt: skip
    weight = URGENCY_WEIGHTS.get(snapshot.urgency, {}).get(channel)
    if weight is None:
        return rate, (told,)
    return rate * weight, (told, Reason("urgency", {"weight": weight}))


def _rank(snapshot: Snapshot, eligible: list[RankedChannel]) -> list[RankedChannel]:
    known = sorted((one for one in eligible if one.score), key=lambda one: (-(one.score or 0), _tie(one)))
    possible = {one.channel for one in eligible}
    asked = [channel for channel in (snapshot.only_channel, snapshot.preferred) if channel in possible]
    first = (*asked, *(one.channel for one in known), "")[0]
    unknown = sorted((one for one in eligible if one.score is None), key=lambda one: _untried(snapshot, first, one))
    # Never answered in 90 days comes after what was never tried.
    silent = sorted((one for one in eligible if one.score == 0), key=lambda one: _untried(snapshot, "", one))
    ranking = [*known, *unknown, *silent]
    if ranking and ranking[0].score is None:
        ranking[0] = _with(
            ranking[0], Reason("default_rule", {"urgency": snapshot.urgency, "channel": ranking[0].channel})
        )
    for wanted, code in ((snapshot.preferred, "asked_for"), (snapshot.only_channel, "chosen_by_sender")):
        ranking = _first(ranking, wanted, code)
    return ranking


def _tie(one: RankedChannel) -> int:
    return CHANNEL_ORDER.index(one.channel)


def _untried(snapshot: Snapshot, first: str, one: RankedChannel) -> tuple[int, int]:
    after = AFTER.get(first, ())
    order = DEFAULT_ORDER.get(snapshot.urgency, DEFAULT_ORDER["normal"])
    return (after.index(one.channel) if one.channel in after else len(after), order.index(one.channel))


def _first(ranking: list[RankedChannel], channel: str, code: str) -> list[RankedChannel]:
    chosen = [_with(one, Reason(code), front=True) for one in ranking if one.channel == channel]
    return [*chosen, *(one for one in ranking if one.channel != channel)] if chosen else ranking


def _with(one: RankedChannel, reason: Reason, *, front: bool = False) -> RankedChannel:
    reasons = (reason, *one.reasons) if front else (*one.reasons, reason)
    return RankedChannel(
        one.channel, one.eligible, reasons, one.score, one.estimate, one.low, one.high,
        one.member_id, one.contact_point_id, one.address,
    )  # fmt: skip


def _why_blocked(snapshot: Snapshot, judged: list[RankedChannel]) -> Reason:
    """The one reason for the whole: what the sender can act on comes before what was merely missing."""
    if snapshot.only_channel and not snapshot.allow_fallback:
        return next(one.reasons[0] for one in judged if one.channel == snapshot.only_channel)
    codes = {one.reasons[0].code: one.reasons[0] for one in reversed(judged)}
    # A channel that this house never set up explains nothing about the family, so it comes last.
    acts = (
        "too_long", "no_consent", "withdrawn", "opted_out", "window_closed", "address_broken", "only_a_child",
        "no_marketing_calls",
    )  # fmt: skip
    for code in (*acts, "no_address", "no_sender"):
        if code in codes:
            return codes[code]
    return Reason("no_address")
