"""What the scripted households do: each story writes what makes it tell first, then an ordinary past."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from config.demo import episodes, letters
from config.demo.gatherings import Gathering, attend, party
from config.demo.habits import EPISODES, USUAL, Habits
from config.demo.history import drop_in, fill, office_time, set_aside
from config.demo.story import Story

# What is learned looks back ninety days; an ordinary past ends safely before.
LEARNED_DAYS = 96
SHORTEST_PAST = 14


def write_scripted(story: Story, gatherings: Sequence[Gathering]) -> None:
    """Tell the story of the part that this household plays."""
    past = [one for one in gatherings if one.ends <= story.days.now]
    SCRIPTS[story.family.part](story, past)


def _habits(**chances: float) -> Habits:
    usual: dict[str, Any] = {
        "opens": 0.45, "clicks": 0.2, "writes_back": 0.1, "texts_back": 0.4, "reads_chat": 0.6, "chats_back": 0.4,
        "reads_notices": 0.4, "picks_up": 0.5, "comes": 0.8,
    }  # fmt: skip
    hour = int(chances.pop("hour", 17))
    return Habits(**{**usual, **chances}, hour=hour, mix=dict(zip(EPISODES, USUAL, strict=True)))


def _past(story: Story, habits: Habits, until: date) -> None:
    """Fill what is left with an ordinary past; a short history has visits and notes instead."""
    story.habits = habits
    channels = story.family.adults[0].channels
    if "whatsapp" not in channels:
        habits.mix |= {"chat": 0.0, "chats_us": 0.0}
    if "portal" not in channels:
        habits.mix |= {"notice": 0.0, "visit": 0.0}
    if (until - story.days.first).days >= SHORTEST_PAST:
        fill(story, habits, story.days.first, until)
    else:
        habits.mix = {"note": 1.0, "talk": 1.0}
        fill(story, habits, story.days.first, story.days.today)


def _days_back(story: Story, first: int, step: float, count: int) -> list[date]:
    """So many days, evenly spaced backwards; none before the first."""
    return [story.days.ago(first + round(step * number)) for number in range(count)]


def _emails(story: Story, habits: Habits, days: Sequence[date], opened: Sequence[int], clicked: Sequence[int]) -> None:
    for number, day in enumerate(days):
        letter = letters.NEWSLETTERS[number % len(letters.NEWSLETTERS)]
        answer = "click" if number in clicked else ""
        sent = office_time(story, day, 15, 17)
        episodes.email(story, habits, sent, letter, opened=number in opened, answer=answer)


def _texts(story: Story, days: Sequence[date], answered: Sequence[int]) -> None:
    for number, day in enumerate(days):
        text = letters.TEXTS[number % len(letters.TEXTS)]
        episodes.text_message(story, office_time(story, day, 10, 17), text, answered=number in answered)


def _calls(story: Story, days: Sequence[date], missed: Sequence[int]) -> None:
    for number, day in enumerate(days):
        hours = (9, 13) if number in missed else (16, 18)
        outcome = "no_answer" if number in missed else "answered"
        notes = ROBOTICS if number == 0 and outcome == "answered" and story.family.part == "picks_up" else ""
        at = office_time(story, day, *hours)
        episodes.call(story, at, outcome=outcome, notes=notes, member=story.family.adults[0])


ROBOTICS = (
    "Would like Mateo in Tuesday robotics from January. Asked whether the sibling discount covers materials. "
    "I will check with Priya and ring back."
)


def picks_up(story: Story, past: Sequence[Gathering]) -> None:
    """Answers 8 of 10 calls, opens 3 of 11 emails, never answers an SMS."""
    habits = _habits(opens=0.27, clicks=0.3, writes_back=0.0, texts_back=0.0, picks_up=0.8, hour=17)
    _calls(story, _days_back(story, 1, 9, 10), missed=(2, 7))
    # The eleventh email went to David, whose mailbox is gone.
    _emails(story, habits, _days_back(story, 4, 8, 10), opened=(1, 5, 8), clicked=(1,))
    for member in story.family.adults:
        set_aside(story, member)
    _texts(story, _days_back(story, 3, 9, 9), answered=())
    for number, day in enumerate(_days_back(story, 5, 14, 6)):
        text = letters.CHATS[number]
        read, answered = number != 2 and number != 5, number in (0, 1, 4)
        episodes.chat(story, office_time(story, day, 14, 17), text, read=read, answered=answered)
    for number, gathering in enumerate(reversed(past[-3:])):
        attend(story, gathering, [story.family.adults[0], *story.family.children], came=number != 2)
    drop_in(story, 110, pages=4)
    for number, day in enumerate(_days_back(story, 6, 12, 7)):
        episodes.notice(story, habits, office_time(story, day), read=number in (1, 3, 4), clicked=number == 3)
    for day in _days_back(story, 2, 7, 8):
        episodes.visit(story, _habits(hour=8), day, pages=1)
    _past(story, habits, story.days.ago(LEARNED_DAYS))


def portal_dweller(story: Story, past: Sequence[Gathering]) -> None:
    """Logs in every day, reads all there, and opens no email."""
    habits = _habits(opens=0.0, clicks=0.0, writes_back=0.0, texts_back=0.1, reads_notices=1.0, hour=8)
    for day in _days_back(story, 1, 1, 24):
        episodes.visit(story, habits, day, pages=0)
    for number, day in enumerate(_days_back(story, 4, 9, 9)):
        episodes.notice(story, habits, office_time(story, day), read=True, clicked=number % 3 == 0)
    _emails(story, habits, _days_back(story, 3, 10, 8), opened=(), clicked=())
    drop_in(story, 35, pages=2)
    for day in _days_back(story, 25, 1, 50):
        episodes.visit(story, habits, day, pages=1)
    habits.mix["visit"] = 40.0
    _past(story, habits, story.days.ago(LEARNED_DAYS))


def drifts_away(story: Story, past: Sequence[Gathering]) -> None:
    """Answered within a day, then fell silent eight weeks ago and missed three events."""
    habits = _habits(opens=0.95, clicks=0.5, writes_back=0.5, texts_back=0.9, picks_up=0.8, hour=10)
    for gathering in past[-3:]:
        attend(story, gathering, [story.family.adults[0], story.family.children[0]], came=False)
    _emails(story, habits, _days_back(story, 4, 8, 6), opened=(), clicked=())
    _texts(story, _days_back(story, 6, 14, 3), answered=())
    episodes.call(story, office_time(story, story.days.ago(12)), outcome="no_answer")
    _texts(story, _days_back(story, 59, 6, 5), answered=range(5))
    _emails(story, habits, _days_back(story, 60, 5, 6), opened=range(6), clicked=(0, 2, 3))
    for gathering in past[:-4][-2:]:
        attend(story, gathering, [story.family.adults[0], *story.family.children], came=True)
    _past(story, habits, story.days.ago(60))


def texts_back(story: Story, past: Sequence[Gathering]) -> None:
    """Answers 7 of 8 texts, and has just sent one herself."""
    habits = _habits(opens=0.2, texts_back=0.9, picks_up=0.3, hour=12)
    text = (
        "Hi, is there still a place in Tuesday robotics for Ada? And is it the same room as last term? "
        "Stairs are hard for her at the moment."
    )
    story.add("sms_received", story.days.recent(minutes=18), story.family.adults[0], lately=True, text=text)
    _texts(story, _days_back(story, 3, 10, 8), answered=(0, 1, 2, 4, 5, 6, 7))
    _emails(story, habits, _days_back(story, 4, 11, 7), opened=(3,), clicked=())
    for gathering in past[-2:]:
        attend(story, gathering, party(story), came=True)
    _past(story, habits, story.days.ago(LEARNED_DAYS))


def leaves_portal(story: Story, past: Sequence[Gathering]) -> None:
    """Was in the portal twice a week, and not once in the last seven weeks."""
    habits = _habits(opens=0.5, reads_notices=0.7, hour=20)
    _emails(story, habits, _days_back(story, 4, 9, 8), opened=(0, 2, 5), clicked=())
    for day in _days_back(story, 50, 3.5, 12):
        episodes.visit(story, habits, day, pages=2)
    for gathering in past[-5:-3]:
        attend(story, gathering, party(story), came=True)
    habits.mix["visit"] = 30.0
    _past(story, habits, story.days.ago(LEARNED_DAYS))


def owes_fees(story: Story, past: Sequence[Gathering]) -> None:
    """Three messages about the fee and a call, all unanswered."""
    habits = _habits(opens=0.4, texts_back=0.4, hour=18)
    for days, letter in ((20, letters.FEES[0]), (11, letters.FEES[1])):
        episodes.email(story, habits, office_time(story, story.days.ago(days)), letter, opened=False)
    episodes.text_message(story, office_time(story, story.days.ago(6)), letters.TEXTS[3], answered=False)
    episodes.call(story, office_time(story, story.days.ago(3)), outcome="no_answer")
    _past(story, habits, story.days.ago(24))


def chats(story: Story, past: Sequence[Gathering]) -> None:
    """Reads and answers on WhatsApp, and waits for our answer there."""
    habits = _habits(opens=0.3, reads_chat=0.95, chats_back=0.8, hour=19)
    text = "The invoice shows two children, Yusuf left in October."
    story.add("whatsapp_received", story.days.recent(minutes=70), story.family.adults[0], lately=True, text=text)
    for number, day in enumerate(_days_back(story, 4, 10, 8)):
        sent = office_time(story, day, 12, 18)
        text = letters.CHATS[number % len(letters.CHATS)]
        episodes.chat(story, sent, text, read=number != 3, answered=number not in (3, 6))
    _emails(story, habits, _days_back(story, 3, 12, 6), opened=(2,), clicked=())
    _past(story, habits, story.days.ago(LEARNED_DAYS))


SCRIPTS: dict[str, Callable[[Story, Sequence[Gathering]], None]] = {
    one.__name__: one for one in (picks_up, portal_dweller, drifts_away, texts_back, leaves_portal, owes_fees, chats)
}
