"""Puts decisions into words: every reason a sentence that staff can act on."""

from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext as _

from channels.policy import Decision, RankedChannel, Reason
from crm.enums import Channel

_DONE = {
    "email": lambda: _("opened %(engaged)s of %(attempts)s emails"),
    "sms": lambda: _("answered %(engaged)s of %(attempts)s texts"),
    "whatsapp": lambda: _("read %(engaged)s of %(attempts)s WhatsApp messages"),
    "rcs": lambda: _("read %(engaged)s of %(attempts)s RCS messages"),
    "push": lambda: _("opened %(engaged)s of %(attempts)s push messages"),
    "portal": lambda: _("read %(engaged)s of %(attempts)s portal messages"),
    "phone": lambda: _("answered %(engaged)s of %(attempts)s calls"),
}
_SOURCES = {
    "stop_word": lambda: _("they texted STOP"),
    "complaint": lambda: _("they reported a message as spam"),
    "one_click": lambda: _("they unsubscribed"),
}


def with_words(decision: Decision, names: Mapping[int, str]) -> Decision:
    """The decision with every reason's text and its one sentence; `names` are first names by member."""
    ranking = tuple(
        replace(one, reasons=tuple(replace(reason, text=reason_text(reason)) for reason in one.reasons))
        for one in decision.ranking
    )
    whole = _WHOLE if decision.channel is None else {}
    reasons = tuple(
        replace(reason, text=whole[reason.code]() if reason.code in whole else reason_text(reason))
        for reason in decision.reasons
    )
    worded = replace(decision, ranking=ranking, reasons=reasons)
    return replace(worded, sentence=_sentence(worded, names))


def reason_text(reason: Reason) -> str:
    """One reason as a short sentence without a full stop."""
    if reason.code == "rate":
        return _rate_text(reason.values)
    if reason.code == "withdrawn":
        source = _SOURCES.get(str(reason.values.get("source")))
        return _("withdrawn: %s") % source() if source else _("they said no to this")
    if reason.code == "not_asked_for":
        return _("only %s was asked for") % Channel(str(reason.values["channel"])).label
    if reason.code == "address_broken" and reason.values.get("why"):
        return _("the address does not work: %s") % reason.values["why"]
    if reason.code == "too_long":
        return _("%(length)s characters are too many for a text, which holds %(most)s") % reason.values
    if reason.code == "urgency":
        return _("urgent: counts × %s") % reason.values["weight"]
    if reason.code == "default_rule":
        return _default_text(str(reason.values["channel"]), str(reason.values["urgency"]))
    return PLAIN_REASONS[reason.code]()


PLAIN_REASONS = {
    "opted_out": lambda: _("they opted out of this channel"),
    "no_sender": lambda: _("this channel is not set up"),
    "no_marketing_calls": lambda: _("nobody is called for marketing unless you choose phone"),
    "no_address": lambda: _("no address on this channel"),
    "address_broken": lambda: _("the address does not work"),
    "only_a_child": lambda: _("only a child could be reached here"),
    "no_consent": lambda: _("no recorded consent for marketing here"),
    "daily_portal": lambda: _("in the portal nearly every day"),
    "unknown": lambda: _("not tried in the last 90 days"),
    "asked_for": lambda: _("they asked for this channel"),
    "chosen_by_sender": lambda: _("chosen by the sender"),
    "window_closed": lambda: _("WhatsApp takes only approved templates more than 24 hours after their last message"),
    "already_tried": lambda: _("tried already for this message"),
}


def _default_text(channel: str, urgency: str) -> str:
    if channel == "sms" and urgency == "high":
        return _("nothing is known yet; urgent goes by text")
    if channel == "email":
        return _("nothing is known yet; we begin with email")
    return _("nothing is known yet, and this reaches them")


# What a refusal of every channel says of the family as a whole.
_WHOLE = {
    "no_address": lambda: _("we have no address we could use"),
    "no_sender": lambda: _("no channel that reaches them is set up"),
    "opted_out": lambda: _("they opted out"),
    "no_consent": lambda: _("they have not agreed to marketing"),
    "only_a_child": lambda: _("only a child could be reached"),
}


def _rate_text(values: Mapping[str, object]) -> str:
    words = _DONE.get(str(values["channel"]))
    if words is None or values.get("attempts") is None:
        return _("%s %% in the last 90 days") % round(float(str(values["rate"])))
    return words() % {"engaged": values["engaged"], "attempts": values["attempts"]}


def _sentence(decision: Decision, names: Mapping[int, str]) -> str:
    if decision.channel is None:
        return _("Nobody can be reached: %s.") % decision.reasons[0].text
    chosen = decision.ranking[0]
    lead = _lead(chosen, names.get(chosen.member_id or 0, ""))
    facts = [_fact(one) for one in decision.ranking if one.eligible][:2]
    told = "; ".join(fact for fact in facts if fact)
    return f"{lead} {told[0].upper()}{told[1:]}." if told else lead


def _lead(chosen: RankedChannel, name: str) -> str:
    who = name or _("them")
    return {
        "email": _("Write an email to %s."),
        "sms": _("Text %s."),
        "whatsapp": _("Write to %s on WhatsApp."),
        "rcs": _("Text %s."),
        "push": _("Send %s a push message."),
        "portal": _("Post it in the portal for %s."),
        "phone": _("Ring %s."),
    }[chosen.channel] % who


def _fact(one: RankedChannel) -> str:
    telling = [reason for reason in one.reasons if reason.code not in ("urgency", "unknown")]
    return telling[0].text if telling else ""
