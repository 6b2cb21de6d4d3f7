"""What we would do, without doing it."""

from collections.abc import Sequence

from channels.policy import Decision, Snapshot, decide
from channels.selectors.snapshots import Ask, take_snapshots
from channels.wording import with_words
from crm.models import Topic


def recommend(*, family_id: int, urgency: str = "normal", topic: str = "transactional") -> Decision:
    """The decision for one family as things stand; raises `Topic.DoesNotExist`."""
    return recommend_many(family_ids=[family_id], urgency=urgency, topic=topic)[family_id]


def recommend_many(
    *, family_ids: Sequence[int], urgency: str = "normal", topic: str = "transactional"
) -> dict[int, Decision]:
    """The decisions for many families, in a fixed number of queries per 2,000."""
    asks = [Ask(family_id, urgency=urgency) for family_id in family_ids]
    decisions = preview(asks=asks, topic=Topic.objects.get(slug=topic))
    return dict(zip(family_ids, decisions, strict=True))


def preview(*, asks: Sequence[Ask], topic: Topic) -> list[Decision]:
    """What would be decided for each ask, worded."""
    return [worded(decide(snapshot), snapshot) for snapshot in take_snapshots(asks=asks, topic=topic)]


def worded(decision: Decision, snapshot: Snapshot) -> Decision:
    """The decision with its texts, naming people by their first names."""
    return with_words(decision, {person.id: person.name.split(" ")[0] for person in snapshot.people})
