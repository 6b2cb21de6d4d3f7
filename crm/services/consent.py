"""The ledger of consent: rows are added, never changed."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.addresses import normalise_address
from crm.consent import opted_out_channels
from crm.enums import Channel, ConsentSource
from crm.errors import Invalid
from crm.models import Consent, Family, Topic
from crm.news import announce

_IMPORTED = frozenset({ConsentSource.IMPORT.value, ConsentSource.DEMO.value})


@transaction.atomic
def record_consent(
    *,
    granted: bool | None,
    source: str,
    family: Family | None = None,
    member_id: int | None = None,
    address: str = "",
    channel: str = "",
    topic: Topic | None = None,
    evidence: str = "",
    by_id: int | None = None,
    recorded_at: datetime | None = None,
) -> Consent | None:
    """Add one record: granted, withdrawn, or None, which lifts a withdrawal and grants nothing.

    An import cannot turn a withdrawal into a grant: then nothing is added, and None answered.

    A record without family binds the address wherever it stands. Raises `Invalid` by field.
    """
    if channel and channel not in Channel.values:
        raise Invalid({"channel": _("“%s” is not a channel.") % channel})
    if source not in ConsentSource.values:
        raise Invalid({"source": _("“%s” is not a source.") % source})
    if address:
        address = normalise_address(channel or ("email" if "@" in address else "sms"), address)
    if family is None and not address:
        raise Invalid({"": _("Consent is of a family or of an address.")})
    if granted and source in _IMPORTED and _withdrawn_before(family, address, channel, topic):
        return None
    record = Consent.objects.create(
        family=family,
        member_id=member_id,
        address=address,
        channel=channel,
        topic=topic,
        granted=granted,
        source=source,
        recorded_by_id=by_id,
        evidence=evidence,
        recorded_at=recorded_at or timezone.now(),
    )
    announce("consent_changed", ids=[record.pk])
    return record


def _withdrawn_before(family: Family | None, address: str, channel: str, topic: Topic | None) -> bool:
    same = Consent.objects.filter(family=family, address=address, channel=channel, topic=topic)
    latest = same.order_by("-recorded_at", "-id").first()
    return latest is not None and latest.granted is not True


@transaction.atomic
def set_opt_out_channels(
    *, family: Family, channels: Iterable[str], source: str, by_id: int | None = None
) -> list[str]:
    """Make the family-wide opt-outs equal to `channels`, by new records; answers the opt-outs that hold now.

    Clearing one is no agreement: it lifts the withdrawal, and never a STOP, complaint or unsubscribe of an address.
    """
    wanted = set(channels)
    if keep_opt_outs(family=family, channels=wanted, source=source, by_id=by_id):
        announce("preferences_changed", ids=[family.pk])
    return sorted(wanted)


def keep_opt_outs(*, family: Family, channels: Iterable[str], source: str, by_id: int | None = None) -> bool:
    """The same without telling of a changed preference; answers whether there is one. Raises `Invalid`."""
    wanted = set(channels)
    unknown = wanted - set(Channel.values)
    if unknown:
        raise Invalid({"opt_out_channels": _("Not channels: %s.") % ", ".join(sorted(unknown))})
    before = set(opted_out_channels(family_wide_records(family)))
    for channel in sorted(wanted ^ before):
        granted = False if channel in wanted else None
        record_consent(family=family, channel=channel, granted=granted, source=source, by_id=by_id)
    return wanted != before


def family_wide_records(family: Family) -> list[Consent]:
    """Records of the whole family on all topics."""
    return list(Consent.objects.filter(family=family, member=None, address="", topic=None))
