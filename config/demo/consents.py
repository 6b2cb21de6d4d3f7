"""What the demo's households agreed to, took back, and asked for."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from config.demo.days import Days
from config.demo.history import stop_time
from config.demo.people import PlannedFamily
from crm.enums import ConsentSource, Stage, TopicKind
from crm.models import Consent, StatedPreference, Topic

TOPICS = (
    ("lessons-and-fees", "Lessons and fees", TopicKind.TRANSACTIONAL),
    ("events", "Events", TopicKind.TRANSACTIONAL),
    ("fundraising", "Fundraising", TopicKind.MARKETING),
)
# Who ticks a box for news on the enrolment form, by channel.
GRANTS = {"email": 0.78, "sms": 0.5, "whatsapp": 0.45, "portal": 0.6, "phone": 0.2}
FUNDRAISING = {"email": 0.34, "sms": 0.08, "portal": 0.3}
FORM = "Enrolment form, box ticked"
WISHES = ("phone", "sms", "whatsapp", "email", "portal")
BATCH = 500


def make_topics() -> dict[str, Topic]:
    """The co-op's own topics beside the two that are always there, by slug."""
    for slug, name, kind in TOPICS:
        Topic.objects.get_or_create(slug=slug, defaults={"name": name, "kind": kind})
    return {one.slug: one for one in Topic.objects.all()}


def store_consents(families: Sequence[PlannedFamily], days: Days, seed: int) -> None:
    """Write the ledger and the wishes."""
    topics = make_topics()
    rng = Random(f"{seed}:consents")  # noqa: S311 - made-up people
    records = [record for one in families for record in _records(one, topics, days, rng)]
    Consent.objects.bulk_create(records, batch_size=BATCH)
    StatedPreference.objects.bulk_create(_wishes(families, days, rng), batch_size=BATCH)


def _records(family: PlannedFamily, topics: dict[str, Topic], days: Days, rng: Random) -> Iterator[Consent]:
    span = (days.today - days.first).days
    joined = days.at(days.ago(span * rng.uniform(0.4, 1.0)), rng.randrange(9, 16), rng.randrange(60))
    if family.stage != Stage.ENQUIRY:
        yield from _grants(family, topics["marketing"], GRANTS, joined, rng)
        yield from _grants(family, topics["fundraising"], FUNDRAISING, joined, rng)
    if family.part == "picks_up":
        yield from _of_martinez(family, topics, days)
    elif rng.random() < 0.06:
        yield _withdrawal(family, days, rng, ConsentSource.PREFERENCES, channel="email", topic=topics["marketing"])
    elif rng.random() < 0.05:
        yield _withdrawal(family, days, rng, ConsentSource.PREFERENCES, topic=topics["fundraising"])
    elif rng.random() < 0.02 and not family.part:
        yield _withdrawal(family, days, rng, ConsentSource.STAFF, channel=rng.choice(("sms", "phone", "whatsapp")))
    if family.stopped_days_ago:
        yield _stop(family, days)


def _grants(
    family: PlannedFamily, topic: Topic, chances: dict[str, float], when: datetime, rng: Random
) -> Iterator[Consent]:
    for channel, chance in chances.items():
        if channel in family.channels and rng.random() < chance:
            yield Consent(
                family_id=family.id,
                channel=channel,
                topic=topic,
                granted=True,
                recorded_at=when,
                source=ConsentSource.DEMO,
                evidence=FORM,
            )


def _withdrawal(
    family: PlannedFamily, days: Days, rng: Random, source: str, channel: str = "", topic: Topic | None = None
) -> Consent:
    # Recent, so that a history with older messages stays true to it.
    when = days.at(days.ago(rng.randrange(1, 6)), rng.randrange(9, 20), rng.randrange(60))
    evidence = "Said so on the phone" if source == ConsentSource.STAFF else ""
    return Consent(
        family_id=family.id,
        channel=channel,
        topic=topic,
        granted=False,
        recorded_at=when,
        source=source,
        evidence=evidence,
    )


def _of_martinez(family: PlannedFamily, topics: dict[str, Topic], days: Days) -> Iterable[Consent]:
    """No fundraising for the household, no texts for David."""
    asked = days.at(days.ago(260), 10, 20)
    return (
        Consent(
            family_id=family.id,
            topic=topics["fundraising"],
            granted=False,
            recorded_at=days.at(days.ago(80), 20, 14),
            source=ConsentSource.PREFERENCES,
        ),
        Consent(
            family_id=family.id,
            member_id=family.adults[1].id,
            channel="sms",
            granted=False,
            recorded_at=asked,
            source=ConsentSource.STAFF,
            evidence="He asked at the door: no texts",
        ),
    )


def _stop(family: PlannedFamily, days: Days) -> Consent:
    """STOP binds the number, wherever it stands."""
    number = next(point.value for point in family.adults[0].points if point.channel == "sms")
    return Consent(
        address=number,
        channel="sms",
        granted=False,
        recorded_at=stop_time(days, family) + timedelta(seconds=1),
        source=ConsentSource.STOP_WORD,
        evidence="STOP",
    )


def _wishes(families: Sequence[PlannedFamily], days: Days, rng: Random) -> list[StatedPreference]:
    """A few households told us which channel they like; the one with a talkative chat did for certain."""
    wishes = []
    for family in families:
        able = [channel for channel in WISHES if channel in family.channels]
        if family.part == "chats" or (not family.part and able and rng.random() < 0.05):
            wishes.append(
                StatedPreference(
                    family_id=family.id,
                    preferred_channel="whatsapp" if family.part else rng.choice(able),
                    said_by=family.adults[0].name,
                    recorded_at=days.at(days.ago(rng.randrange(10, 200)), 10, rng.randrange(60)),
                )
            )
    return wishes
