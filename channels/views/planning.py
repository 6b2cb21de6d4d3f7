"""How a message that is being written would go, and whether that has changed while it was written."""

from channels.forms import ComposeForm
from channels.models import Template
from channels.rendering import Broken, Content
from channels.selectors.plans import Plan, plan_message
from channels.selectors.words import moment_words
from channels.services.content import content_of
from crm.models import Member

_BETWEEN = "→"
_TEXTING = ("sms", "whatsapp", "rcs")


def plan_of(form: ComposeForm) -> Plan:
    """The decision for the form as it stands; a template is read as this family would read it."""
    template, topic = form.chosen_template(), form.chosen_topic()
    if template is None:
        given = form.cleaned_data if form.is_bound else form.initial
        return plan_message(
            ask=form.as_ask(), topic=topic, body=given.get("body", "") or "", sms=given.get("sms", "") or ""
        )
    plan = plan_message(ask=form.as_ask(length=0), topic=topic)
    try:
        content = _content(form, template, plan)
    except Broken as error:
        return plan.with_reading("", problem=str(error))
    short = content.sms or content.body
    plan = plan_message(ask=form.as_ask(length=len(short)), topic=topic, body=content.body, sms=content.sms)
    written = str(content.variants.get(plan.channel, {}).get("text", ""))
    return plan.with_reading(written or (short if plan.channel in _TEXTING else content.body))


def _content(form: ComposeForm, template: Template, plan: Plan) -> Content:
    ranking = plan.decision.ranking
    chosen = ranking[0].member_id if plan.channel and ranking else None
    member = Member.objects.filter(pk=chosen, family=form.family).first() if chosen else None
    assert template.version is not None
    return content_of(
        version=template.version, topic=template.topic.name, family=form.family, member=member, with_html=False
    )[0]


def mark_of(form: ComposeForm, plan: Plan) -> str:
    """What was asked, and which way that leads today: a hidden field that comes back with the form."""
    ask, template = form.as_ask(length=0), form.chosen_template()
    asked = (
        ask.only_channel,
        ask.member_id or "",
        ask.urgency,
        form.chosen_topic().slug,
        template.pk if template else "",
    )
    place = plan.decision.ranking[0] if plan.channel else None
    leads = f"{place.channel}:{place.address}" if place else ""
    return f"{','.join(map(str, asked))}{_BETWEEN}{leads}"


def has_changed(form: ComposeForm, plan: Plan) -> bool:
    """Whether the same question leads another way than when the form was shown: then it is asked about first."""
    before, now = form.cleaned_data.get("seen", ""), mark_of(form, plan)
    if not before or plan.blocked:
        return False
    return before.partition(_BETWEEN)[0] == now.partition(_BETWEEN)[0] and before != now


def later_words(form: ComposeForm) -> str:
    """When it would go, in the family's zone; empty for now."""
    if not form.is_bound or form.send_after is None:
        return ""
    return moment_words(form.send_after, form.family.zone)
