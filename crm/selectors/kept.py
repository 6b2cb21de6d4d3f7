"""Refusals that outlive their people: whoever is taken out leaves what they refused with their addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm.addresses import pretty_address
from crm.consent import standing
from crm.enums import Channel
from crm.models import Consent


@dataclass(frozen=True, slots=True)
class Kept:
    """An address that nobody of the family has any more, and what may not be sent there should it come back."""

    address: str
    channel: str
    topics: str


def kept_refusals(records: Iterable[Consent], held: Iterable[str], topics: Mapping[int, str]) -> list[Kept]:
    """What still stands refused at addresses that are not among those `held`; `topics` are their names by id."""
    here, told = set(held), list(records)
    gone = {(one.address, one.channel) for one in told if one.address and one.address not in here}
    found = []
    for address, channel in sorted(gone):
        refused = {
            one.topic_id
            for one in told
            if (one.address, one.channel) == (address, channel)
            and _stands_refused(told, address, channel, one.topic_id)
        }
        if refused:
            known = sorted(topics.get(one, "") or _("a topic that is gone") for one in refused if one)
            words = _("everything") if None in refused else ", ".join(dict.fromkeys(known))
            shown = pretty_address(channel, address) if channel else address
            found.append(Kept(shown, str(Channel(channel).label) if channel else "", words))
    return found


def _stands_refused(records: list[Consent], address: str, channel: str, topic_id: int | None) -> bool:
    found = standing(records, member_id=None, address=address, channel=channel, topic_id=topic_id)
    return found.granted is False and found.record is not None and found.record.address == address
