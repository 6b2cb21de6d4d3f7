"""What happens with a household, one episode a function: each writes an attempt and what came of it."""

from datetime import date, datetime, timedelta
from math import log
from typing import Any

from config.demo import letters, spoken
from config.demo.days import awake
from config.demo.habits import Habits
from config.demo.people import PlannedMember
from config.demo.story import Story

PROXY = "Mozilla/5.0"
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"


def email(
    story: Story, habits: Habits, sent: datetime, letter: tuple[str, str], *, opened: bool, answer: str = ""
) -> str:
    """An email to the main contact and what came back; `answer` is empty, "click" or "reply"."""
    to = _to(story, "email")
    subject, text = story.say(letter[0], sent), story.say(letter[1], sent)
    key = story.add("email_sent", sent, to, subject=subject, text=text)
    arrived = sent + timedelta(seconds=story.rng.randrange(2, 9))
    story.add("email_delivered", arrived, to, reply_to=key)
    if habits.proxy and key:
        seen = arrived + timedelta(seconds=story.rng.randrange(2, 18))
        story.add("email_opened", seen, to, reply_to=key, machine=True, agent=PROXY)
    if not opened and not answer:
        return key
    looked = _look(story, habits, sent)
    # Behind a programme that loads all pictures a person's own look cannot be seen.
    if opened and not habits.proxy:
        story.add("email_opened", looked, to, reply_to=key, agent=AGENT)
    if answer == "click":
        clicked = looked + timedelta(seconds=story.rng.randrange(15, 200))
        story.add("email_clicked", clicked, to, reply_to=key, url=story.rng.choice(letters.LINKS))
    elif answer == "reply":
        replied = looked + timedelta(minutes=story.rng.randrange(2, 50))
        text = story.say(story.rng.choice(letters.EMAIL_ANSWERS), replied)
        story.add("email_replied", replied, to, reply_to=key, subject=f"Re: {subject}", text=text)
    return key


def bounce(story: Story, sent: datetime, member: PlannedMember, reason: str) -> datetime:
    """An email to somebody whose mailbox is gone; answers when we heard of it."""
    subject, text = letters.NEWSLETTERS[0]
    key = story.add("email_sent", sent, member, subject=subject, text=text)
    heard = sent + timedelta(seconds=story.rng.randrange(3, 40))
    address = next(point.value for point in member.points if point.channel == "email")
    story.add("email_bounced", heard, member, reply_to=key, reason=reason, address=address)
    return heard


def text_message(story: Story, sent: datetime, text: str, *, answered: bool) -> str:
    """An SMS to the main contact and, perhaps, the answer."""
    to = _to(story, "sms")
    key = story.add("sms_sent", sent, to, text=story.say(text, sent))
    story.add("sms_delivered", sent + timedelta(seconds=story.rng.randrange(1, 20)), to, reply_to=key)
    if answered:
        at = _soon(story, sent, median_minutes=12)
        story.add("sms_replied", at, to, reply_to=key, text=story.say(story.rng.choice(letters.TEXT_ANSWERS), at))
    return key


def chat(story: Story, sent: datetime, text: str, *, read: bool, answered: bool) -> str:
    """A WhatsApp message, read or not, answered or not."""
    to = _to(story, "whatsapp")
    key = story.add("whatsapp_sent", sent, to, text=story.say(text, sent))
    story.add("whatsapp_delivered", sent + timedelta(seconds=story.rng.randrange(1, 6)), to, reply_to=key)
    if not (read or answered):
        return key
    seen = _soon(story, sent, median_minutes=18)
    story.add("whatsapp_read", seen, to, reply_to=key)
    if answered:
        at = seen + timedelta(seconds=story.rng.randrange(25, 900))
        answer = story.say(story.rng.choice(letters.CHAT_ANSWERS), at)
        story.add("whatsapp_replied", at, to, reply_to=key, text=answer)
    return key


def notice(story: Story, habits: Habits, posted: datetime, *, read: bool, clicked: bool) -> str:
    """A message in the portal, and the visit in which it was read."""
    to = _to(story, "portal")
    subject, text = story.rng.choice(letters.NOTICES)
    key = story.add(
        "portal_message_posted", posted, to, subject=story.say(subject, posted), text=story.say(text, posted)
    )
    if not read:
        return key
    seen = _look(story, habits, posted)
    story.add("portal_message_read", seen, to, reply_to=key)
    if clicked:
        story.add("portal_message_clicked", seen + timedelta(seconds=story.rng.randrange(5, 90)), to, reply_to=key)
    elif story.chance(0.15):
        story.add("portal_message_dismissed", seen + timedelta(seconds=story.rng.randrange(5, 60)), to, reply_to=key)
    return key


def call(story: Story, at: datetime, *, outcome: str, notes: str = "", member: PlannedMember | None = None) -> str:
    """A call that the office made."""
    to = member or _to(story, "phone")
    told: dict[str, Any] = {"number": next(p.value for p in to.points if p.channel == "phone")}
    if outcome == "answered":
        told["duration"] = int(60 + story.rng.lognormvariate(log(150), 0.7))
        notes = notes or story.rng.choice(spoken.ANSWERED)
    elif outcome == "voicemail":
        told["duration"] = story.rng.randrange(15, 50)
        notes = notes or story.rng.choice(spoken.VOICEMAILS)
    if notes:
        told["notes"] = story.say(notes, at)
    return story.add("phone_call_made", at, to, outcome=outcome, by=story.someone(), **told)


def missed_outcome(story: Story) -> str:
    """How a call that nobody took ends."""
    return story.rng.choices(("no_answer", "voicemail", "busy"), (60, 30, 10))[0]


def incoming_call(story: Story, at: datetime) -> str:
    """They rang us."""
    notes = story.say(story.rng.choice(spoken.INCOMING), at)
    seconds = int(40 + story.rng.lognormvariate(log(90), 0.6))
    who = _to(story, "phone")
    return story.add(
        "phone_call_received", at, who, outcome="answered", by=story.someone(), duration=seconds, notes=notes
    )


def visit(story: Story, habits: Habits, day: date, pages: int) -> None:
    """A log-in to the portal, some pages, and now and then a document."""
    at = at_their_hour(story, habits, day)
    who = _to(story, "portal")
    story.add("portal_login", at, who)
    for _page in range(pages):
        at += timedelta(seconds=story.rng.randrange(8, 240))
        path, title = story.rng.choice(letters.PAGES)
        story.add("portal_page_viewed", at, who, page=path, title=title)
    if story.chance(0.2):
        at += timedelta(seconds=story.rng.randrange(8, 90))
        story.add("document_downloaded", at, who, name=story.rng.choice(letters.DOCUMENTS))


def talk(story: Story, at: datetime) -> str:
    """A conversation at the door."""
    kind = story.rng.choices(tuple(spoken.TALKS), (22, 34, 34, 10))[0]
    notes = story.say(story.rng.choice(spoken.TALKS[kind]), at)
    who = story.rng.choice(story.family.adults)
    return story.add("conversation", at, who, outcome=kind, by=story.someone(), notes=notes)


def note(story: Story, at: datetime) -> str:
    """Something that the office wants to remember."""
    return story.add("note", at, by=story.someone(), notes=story.say(story.rng.choice(spoken.NOTES), at))


def at_their_hour(story: Story, habits: Habits, day: date) -> datetime:
    """Some moment of the day near the household's favourite hour, by its own clock."""
    hour = min(21, max(7, round(story.rng.gauss(habits.hour, 1.6))))
    return _local(story, day, hour)


def _local(story: Story, day: date, hour: int) -> datetime:
    return datetime(
        day.year, day.month, day.day, hour, story.rng.randrange(60), story.rng.randrange(60), tzinfo=story.family.zone
    ).astimezone(story.days.now.tzinfo)


def _look(story: Story, habits: Habits, sent: datetime) -> datetime:
    """When they look at what does not ring: often at their hour, else some while later; within two days."""
    zone = story.family.zone
    if story.chance(0.6):
        day = sent.astimezone(zone).date()
        at = _local(story, day, habits.hour)
        return at if at > sent + timedelta(minutes=2) else _local(story, day + timedelta(days=1), habits.hour)
    minutes = min(1500.0, story.rng.lognormvariate(log(100), 1.2))
    return awake(sent + timedelta(minutes=1 + minutes), zone, story.rng)


def _soon(story: Story, sent: datetime, median_minutes: float) -> datetime:
    """When they answer what rings in the pocket: within six hours, or the next morning."""
    minutes = min(360.0, story.rng.lognormvariate(log(median_minutes), 1.1))
    return awake(sent + timedelta(minutes=0.7 + minutes), story.family.zone, story.rng)


def _to(story: Story, channel: str) -> PlannedMember:
    """The main contact on a channel; a household without one is told of under its first adult."""
    holders = story.family.holders(channel)
    return holders[0] if holders else story.family.adults[0]
