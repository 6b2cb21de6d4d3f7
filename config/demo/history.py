"""A year of an ordinary household: episodes drawn from its habits until its share is full."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from config.demo import episodes, letters
from config.demo.days import Days
from config.demo.gatherings import Gathering, usual_events
from config.demo.habits import Habits, draw_habits
from config.demo.people import PlannedFamily, PlannedMember
from config.demo.story import Story

# More of the log is of late, as newer households have no old entries.
RECENCY = 1.5
NEWSLETTER_DAY = 4
# A household that waits for our answer heard nothing from us for so long.
QUIET_DAYS = 6
VISITORS_TODAY = 14


def write_ordinary(story: Story, gatherings: list[Gathering], families: int) -> None:
    """Fill the household's share."""
    habits = story.habits = draw_habits(story.rng, story.family.channels)
    end = story.days.today
    for member in story.family.adults:
        set_aside(story, member)
    if story.family.waits:
        _writes_and_waits(story)
        end = story.days.ago(QUIET_DAYS)
    else:
        usual_events(story, habits, gatherings, families)
        if "portal" in story.family.channels and story.chance(VISITORS_TODAY / families):
            drop_in(story, story.rng.randrange(4, 500), story.rng.randrange(1, 5))
    if story.family.stopped_days_ago:
        _stops(story, habits)
    first = story.days.ago((story.days.today - story.days.first).days * story.rng.uniform(0.35, 1.0))
    fill(story, habits, first, end)


def _writes_and_waits(story: Story) -> None:
    """Something came in lately that nobody has answered yet."""
    who = story.family.adults[0]
    if story.family.waits == "phone":
        at = story.days.recent(days=1, hours=4)
        notes = "About the piano room on Thursday, please ring back."
        story.add("phone_call_received", at, who, outcome="voicemail", lately=True, duration=42, notes=notes)
        return
    at, subject, text = {
        "email": (
            story.days.recent(hours=21),
            "Re: Timetable for next month",
            "We are not sure yet. Is there a later group?",
        ),
        "email_again": (story.days.recent(hours=3), "Form", "The link in your email does not open for me."),
    }[story.family.waits]
    story.add("email_received", at, who, lately=True, subject=subject, text=text)


def drop_in(story: Story, minutes_ago: int, pages: int) -> None:
    """A visit to the portal today."""
    who = story.family.holders("portal")[0]
    story.add("portal_login", story.days.recent(minutes=minutes_ago + pages * 2), who, lately=True)
    for number in range(pages):
        path, title = story.rng.choice(letters.PAGES)
        at = story.days.recent(minutes=minutes_ago + (pages - number) * 2 - 1)
        story.add("portal_page_viewed", at, who, lately=True, page=path, title=title)


def _stops(story: Story, habits: Habits) -> None:
    """Two texts, then STOP; no text leaves after that."""
    habits.mix["text"] = habits.mix["texts_us"] = 0.0
    stopped = stop_time(story.days, story.family)
    for before in (16, 2):
        text = story.rng.choice(letters.TEXTS)
        episodes.text_message(story, stopped - timedelta(days=before, minutes=40), text, answered=False)
    story.add("sms_received", stopped, story.family.adults[0], text="STOP")


def stop_time(days: Days, family: PlannedFamily) -> datetime:
    """When the household sent STOP."""
    return days.at(days.ago(family.stopped_days_ago), 11 + family.number % 6, family.number % 60)


def fill(story: Story, habits: Habits, first: date, end: date) -> None:
    """Draw episodes between two days, the end not included, until nothing more may be written."""
    kinds, shares = list(habits.mix), list(habits.mix.values())
    if not any(shares):
        kinds, shares = ["note", "talk"], [1.0, 1.0]
    letters_due = _fridays(first, end, story.rng)
    span = max(1, (end - first).days)
    while story.room:
        day = end - timedelta(days=1 + int(span * story.rng.random() ** RECENCY))
        kind = story.rng.choices(kinds, shares)[0]
        if kind == "newsletter" and letters_due:
            day = letters_due.pop()
        elif kind == "newsletter":
            kind = "letter"
        EPISODES[kind](story, habits, max(first, day))


def _fridays(first: date, end: date, rng: Random) -> list[date]:
    """The days of the newsletter, the later ones more likely to be taken first."""
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    fridays = [day for day in days if day.weekday() == NEWSLETTER_DAY]
    return sorted(fridays, key=lambda day: rng.random() ** RECENCY * (end - day).days, reverse=True)


def set_aside(story: Story, member: PlannedMember) -> None:
    """The letter after which a broken mailbox was set aside."""
    for point in member.points:
        if point.channel == "email" and point.broken and story.room >= 2:
            day = story.days.ago(point.broken_days_ago)
            episodes.bounce(story, story.days.at(day, 16, 2, story.rng.randrange(60)), member, point.broken)


def office_time(story: Story, day: date, first: int = 9, last: int = 17) -> datetime:
    """Some moment of the office's day; nobody is there at weekends, so Friday stands for them."""
    day -= timedelta(days=max(0, day.weekday() - 4))
    return story.days.at(day, story.rng.randrange(first, last), story.rng.randrange(60), story.rng.randrange(60))


def _newsletter(story: Story, habits: Habits, day: date) -> None:
    letter = letters.NEWSLETTERS[day.toordinal() // 7 % len(letters.NEWSLETTERS)]
    opened = story.chance(habits.opens)
    answer = "click" if opened and story.chance(habits.clicks) else ""
    episodes.email(story, habits, _post(story, day, 16), letter, opened=opened, answer=answer)


def _post(story: Story, day: date, hour: int) -> datetime:
    """A mass mailing leaves within two minutes."""
    return story.days.at(day, hour, 2 + story.rng.randrange(2), story.rng.randrange(60))


def _fees(story: Story, habits: Habits, day: date) -> None:
    opened = story.chance(habits.opens * 1.15)
    answer = "click" if opened and story.chance(habits.clicks * 1.2) else ""
    letter = story.rng.choice(letters.FEES)
    episodes.email(story, habits, office_time(story, day, 9, 11), letter, opened=opened, answer=answer)


def _letter(story: Story, habits: Habits, day: date) -> None:
    opened = story.chance(habits.opens * 1.2)
    replied = story.chance(habits.writes_back * (2 if opened else 0.5))
    letter = story.rng.choice(letters.PERSONAL)
    answer = "reply" if replied else ""
    episodes.email(story, habits, office_time(story, day), letter, opened=opened, answer=answer)


def _text(story: Story, habits: Habits, day: date) -> None:
    text = story.rng.choice(letters.TEXTS if story.chance(0.75) else letters.REMINDERS)
    text = text.replace("{event}", "park day").replace("{hour}", "10:00")
    answered = story.chance(habits.texts_back)
    episodes.text_message(story, office_time(story, day, 9, 19), text, answered=answered)


def _chat(story: Story, habits: Habits, day: date) -> None:
    read = story.chance(habits.reads_chat)
    answered = read and story.chance(habits.chats_back)
    episodes.chat(story, office_time(story, day, 9, 19), story.rng.choice(letters.CHATS), read=read, answered=answered)


def _call(story: Story, habits: Habits, day: date) -> None:
    at = office_time(story, day, 9, 18)
    near = abs(at.astimezone(story.family.zone).hour - habits.hour) <= 2
    answered = story.chance(habits.picks_up * (1.3 if near else 0.9))
    episodes.call(story, at, outcome="answered" if answered else episodes.missed_outcome(story))


def _notice(story: Story, habits: Habits, day: date) -> None:
    read = story.chance(habits.reads_notices)
    clicked = read and story.chance(0.3)
    episodes.notice(story, habits, office_time(story, day), read=read, clicked=clicked)


def _visit(story: Story, habits: Habits, day: date) -> None:
    episodes.visit(story, habits, day, story.rng.choices((0, 1, 2, 3, 5), (15, 30, 30, 15, 10))[0])


def _talk(story: Story, habits: Habits, day: date) -> None:
    episodes.talk(story, office_time(story, day, 10, 15))


def _note(story: Story, habits: Habits, day: date) -> None:
    episodes.note(story, office_time(story, day))


def _writes(story: Story, habits: Habits, day: date) -> None:
    at = episodes.at_their_hour(story, habits, day)
    subject, text = story.rng.choice(letters.EMAIL_QUESTIONS)
    who = story.family.adults[0]
    key = story.add("email_received", at, who, subject=story.say(subject, at), text=story.say(text, at))
    if key:
        letter = (f"Re: {subject}", "Dear {guardian}, thank you for writing. All is arranged. Nora")
        opened = story.chance(habits.opens * 1.4)
        episodes.email(story, habits, _next_morning(story, at), letter, opened=opened)


def _texts_us(story: Story, habits: Habits, day: date) -> None:
    at = episodes.at_their_hour(story, habits, day)
    text = story.say(story.rng.choice(letters.TEXT_QUESTIONS), at)
    if story.add("sms_received", at, story.family.adults[0], text=text):
        episodes.text_message(story, _next_morning(story, at), "Thank you for telling us. Nora", answered=False)


def _chats_us(story: Story, habits: Habits, day: date) -> None:
    at = episodes.at_their_hour(story, habits, day)
    text = story.say(story.rng.choice(letters.CHAT_QUESTIONS), at)
    if story.add("whatsapp_received", at, story.family.adults[0], text=text):
        read = story.chance(habits.reads_chat)
        episodes.chat(story, _next_morning(story, at), "Yes, I will see to it. Nora", read=read, answered=False)


def _next_morning(story: Story, at: datetime) -> datetime:
    """When the office answers: within the hour in its hours, else at nine."""
    local = at.astimezone(story.days.zone)
    if 9 <= local.hour < 17 and local.weekday() < 5:
        return at + timedelta(minutes=story.rng.randrange(4, 60))
    day = local.date() + timedelta(days=1 if local.hour >= 9 else 0)
    day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)
    return story.days.at(day, 9, story.rng.randrange(5, 55))


def _rings_us(story: Story, habits: Habits, day: date) -> None:
    episodes.incoming_call(story, office_time(story, day, 9, 17))


EPISODES: dict[str, Callable[[Story, Habits, date], None]] = {
    "newsletter": _newsletter,
    "fees": _fees,
    "letter": _letter,
    "text": _text,
    "chat": _chat,
    "call": _call,
    "notice": _notice,
    "visit": _visit,
    "talk": _talk,
    "note": _note,
    "writes": _writes,
    "texts_us": _texts_us,
    "chats_us": _chats_us,
    "rings_us": _rings_us,
}
