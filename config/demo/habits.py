"""What the demo's families do when they hear from us; hidden from the product, which has to learn it."""

from dataclasses import dataclass, field
from random import Random

EPISODES = (
    "newsletter", "fees", "letter", "text", "chat", "call", "notice", "visit",
    "talk", "note", "writes", "texts_us", "chats_us", "rings_us",
)  # fmt: skip
# How much of an ordinary family's year each kind of episode makes up.
USUAL = (14, 4, 4, 8, 4, 7, 4, 10, 2, 1.5, 2, 1.5, 1, 1)


@dataclass(slots=True)
class Habits:
    """Chances of an answer by channel, the hours they keep, and what their year is made of."""

    opens: float
    clicks: float
    writes_back: float
    texts_back: float
    reads_chat: float
    chats_back: float
    reads_notices: float
    picks_up: float
    comes: float
    hour: int
    proxy: bool = False
    """Their mail programme loads pictures by itself, so that opens say nothing."""
    mix: dict[str, float] = field(default_factory=dict)


def draw_habits(rng: Random, channels: set[str]) -> Habits:
    """Habits of one ordinary family with addresses on these channels."""
    beta = rng.betavariate
    habits = Habits(
        opens=beta(2.2, 2.4),
        clicks=beta(1.5, 4),
        writes_back=beta(1.2, 9),
        texts_back=beta(1.6, 2.4),
        reads_chat=beta(3, 1.6),
        chats_back=beta(2, 2.4),
        reads_notices=beta(1.4, 2.4),
        picks_up=beta(2, 2.4),
        comes=beta(9, 1.2),
        hour=rng.choice((8, 9, 10, 12, 13, 15, 16, 17, 18, 19, 19, 20, 20, 21)),
        proxy=rng.random() < 0.12,
    )
    habits.mix = {kind: share * rng.uniform(0.4, 1.6) for kind, share in zip(EPISODES, USUAL, strict=True)}
    habits.mix["visit"] *= beta(1, 2) * 3
    for channel, kinds in _NEEDS.items():
        if channel not in channels:
            habits.mix.update(dict.fromkeys(kinds, 0.0))
    return habits


def chances_of(habits: Habits) -> dict[str, float]:
    """The same for the sandbox, which lets the household go on as it was: by what it may do.

    Chats and RCS are read alike; a push message is opened about as often as a notice in the portal.
    """
    return {
        "email_open": habits.opens,
        "email_click": habits.clicks,
        "email_proxy": float(habits.proxy),
        "sms_reply": habits.texts_back,
        "whatsapp_read": habits.reads_chat,
        "whatsapp_reply": habits.chats_back,
        "rcs_read": habits.reads_chat,
        "rcs_reply": habits.texts_back,
        "push_open": habits.reads_notices,
    }


_NEEDS = {
    "email": ("newsletter", "fees", "letter", "writes"),
    "sms": ("text", "texts_us"),
    "whatsapp": ("chat", "chats_us"),
    "phone": ("call", "rings_us"),
    "portal": ("notice", "visit"),
}
