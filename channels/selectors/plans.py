"""What would happen with a message that is being written: who, where, how, or why not and what to do."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from channels.costs import price_words
from channels.policy import Decision, RankedChannel
from channels.policy.decide import TEXTING
from channels.policy.pushes import left_out
from channels.policy.segments import TextSize, text_size
from channels.selectors.decisions import preview
from channels.selectors.shapes import decision_as_json
from channels.selectors.snapshots import Ask
from channels.senders import is_sandbox, provider_names
from channels.texts import Names, check_text, render
from crm.addresses import pretty_address
from crm.models import Family, Member, Topic

_ADVICE = {
    "no_consent": lambda: _("Ask them, and record their consent; or choose a topic that is not marketing."),
    "withdrawn": lambda: _("Respect it, and speak in person. Only they can ask for messages again."),
    "opted_out": lambda: _("Choose another channel, or ask them whether they want this one again."),
    "address_broken": lambda: _("Ask them for a new address and repair it on the family’s page."),
    "only_a_child": lambda: _("Add an address of an adult, or choose a topic that may go to a child."),
    "no_sender": lambda: _("Choose another channel, or have an administrator set this one up."),
    "no_marketing_calls": lambda: _("Choose phone if somebody should call all the same."),
    "too_long": lambda: _("Shorten it, or write a shorter text for SMS."),
    "window_closed": lambda: _("Choose another channel, or a template that WhatsApp has approved."),
    "no_address": lambda: _("Add an address on the family’s page, or choose another channel or person."),
}
_BUTTONS = {
    "email": lambda: _("Send by email to %s"),
    "sms": lambda: _("Send by SMS to %s"),
    "whatsapp": lambda: _("Send by WhatsApp to %s"),
    "rcs": lambda: _("Send by RCS to %s"),
    "push": lambda: _("Send by push to %s"),
    "portal": lambda: _("Post in the portal for %s"),
    "phone": lambda: _("Ask for a call to %s"),
}
_TARGETS = {
    "email": lambda: _("By email to %(name)s, %(address)s"),
    "sms": lambda: _("By SMS to %(name)s, %(address)s"),
    "whatsapp": lambda: _("By WhatsApp to %(name)s, %(address)s"),
    "rcs": lambda: _("By RCS to %(name)s, %(address)s"),
    "push": lambda: _("By push to %(name)s"),
    "portal": lambda: _("In the portal for %(name)s"),
    "phone": lambda: _("As a call to %(name)s, %(address)s, in the queue of calls"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision for a draft in words; `button` names the channel and the person, `advice` what to do if blocked."""

    decision: Decision
    shown: dict[str, Any]
    channel: str
    target: str
    sandbox: bool
    button: str
    following: str
    problem: str
    advice: str
    size: TextSize | None
    reads: str = ""
    """The text with its placeholders filled in; empty where it has none."""
    cost: str = ""
    """What it costs as a text or a chat message; empty where no price is set."""
    left_out: int = 0
    """Characters that a push message cannot hold."""

    @property
    def blocked(self) -> bool:
        """Whether nothing can carry it."""
        return not self.channel

    def with_reading(self, text: str, *, problem: str = "") -> "Plan":
        """The same plan with the text as they read it, or with what keeps it from being put into words."""
        if problem:
            return replace(self, channel="", problem=problem.rstrip("."), advice="", reads="")
        texting = self.channel in TEXTING
        return replace(self, reads=text, size=text_size(text) if texting and text else self.size)


def plan_message(*, ask: Ask, topic: Topic, body: str = "", sms: str = "") -> Plan:
    """What would be done with a draft as things stand; the size counts the text that an SMS would carry."""
    decision = preview(asks=[ask], topic=topic)[0]
    place = decision.ranking[0] if decision.channel else None
    name = _name(place)
    problem = "" if place else _problem(decision, ask)
    text = (sms or body) if decision.channel in TEXTING else body
    reads = _filled(text, place, ask)
    # What is written shorter for SMS is measured all the while, unless a chat takes it.
    counted = decision.channel if decision.channel in TEXTING else "sms" if sms else ""
    return Plan(
        decision=decision,
        shown=decision_as_json(decision),
        channel=decision.channel or "",
        target=_target(place, name) if place else "",
        sandbox=bool(place) and is_sandbox(provider_names().get(decision.channel or "", "")),
        button=_BUTTONS[place.channel]() % name if place else "",
        following=_following(decision, ask),
        problem=problem[:1].upper() + problem[1:],
        advice="" if place else _advice(decision.reasons[0].code),
        size=text_size(reads or sms or body) if counted == "sms" else None,
        reads=reads,
        cost=price_words(counted, reads or sms or body) if counted and (sms or body) else "",
        left_out=left_out(reads or body) if decision.channel == "push" else 0,
    )


def _filled(text: str, place: RankedChannel | None, ask: Ask) -> str:
    """The text as they read it, where it has placeholders that can be filled in."""
    if place is None or "{" not in text or check_text(text):
        return ""
    family = Family.objects.get(pk=ask.family_id)
    member = Member.objects.filter(pk=place.member_id).first() if place.member_id else None
    return render(text, Names(family.name, member.first_name if member else ""))


def _name(place: RankedChannel | None) -> str:
    member = Member.objects.filter(pk=place.member_id).first() if place and place.member_id else None
    return member.first_name if member else _("the family")


def _target(place: RankedChannel, name: str) -> str:
    return _TARGETS[place.channel]() % {"name": name, "address": pretty_address(place.channel, place.address)}


def _following(decision: Decision, ask: Ask) -> str:
    """The channel that is tried if the first one fails; empty where there is none."""
    if not ask.allow_fallback:
        return ""
    return next((one.channel for one in decision.ranking[1:] if one.eligible), "")


def _problem(decision: Decision, ask: Ask) -> str:
    reason = decision.reasons[0]
    if reason.code == "no_address" and not ask.only_channel:
        return _("we have no address for them on any channel that is set up")
    return reason.text


def _advice(code: str) -> str:
    # A reason that says it all needs none.
    return _ADVICE.get(code, str)()
