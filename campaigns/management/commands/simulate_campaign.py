"""Who would get a campaign, when, on which channel, and who not and why; sends nothing."""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns.models import Campaign
from campaigns.selectors.rehearsal import FamilyDecision, rehearse_each


class Command(BaseCommand):
    """simulate_campaign ID [--as-of ISO] [--format table|json]"""

    help = "Says who would get a campaign, when, on which channel, and who not and why. Sends nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", type=int, help="the campaign's number")
        parser.add_argument("--as-of", help="when it would start, as in 2026-11-12T17:24:00+00:00; now if not given")
        parser.add_argument("--format", choices=("table", "json"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.select_related("topic").filter(pk=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['campaign']}.")
        rows = _rows(campaign, _moment(options["as_of"]))
        if options["format"] == "json":
            self._write_json(campaign, list(rows))
        else:
            self._write_table(campaign, rows)

    def _write_json(self, campaign: Campaign, rows: list[dict[str, Any]]) -> None:
        answer = {
            "campaign": campaign.pk,
            "name": campaign.name,
            "state": campaign.state,
            "audience": len(rows),
            "reached": sum(1 for row in rows if row["channel"]),
            "families": rows,
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))

    def _write_table(self, campaign: Campaign, rows: Iterator[dict[str, Any]]) -> None:
        self.stdout.write(f"{campaign.name} ({campaign.state}): a rehearsal, nothing is sent.")
        self.stdout.write(_LINE.format("FAMILY", "NAME", "CHANNEL", "WHEN (UTC)", "WHY"))
        channels: Counter[str] = Counter()
        for row in rows:
            channels[row["channel"] or "nothing"] += 1
            when = row["when"][:16].replace("T", " ") if row["when"] else "-"
            name = row["name"][:28]
            self.stdout.write(_LINE.format(row["family"], name, row["channel"] or "-", when, row["sentence"]))
        told = ", ".join(f"{channel} {count}" for channel, count in channels.most_common())
        self.stdout.write(f"{channels.total()} families: {told or 'nobody fits the audience'}.")


_LINE = "{:<16} {:<28} {:<8} {:<16} {}"


def _moment(given: str | None) -> datetime:
    if given is None:
        return timezone.now()
    try:
        moment = parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--as-of: “{given}” is not a time such as 2026-11-12T17:24:00+00:00.")
    if timezone.is_naive(moment):
        raise CommandError(f"--as-of: “{given}” names no time zone; write 2026-11-12T17:24:00+00:00.")
    return moment


def _rows(campaign: Campaign, start: datetime) -> Iterator[dict[str, Any]]:
    """One entry per family; `when` is in UTC, and null where nothing is sent."""
    for one in rehearse_each(campaign):
        yield _row(one, start)


def _row(one: FamilyDecision, start: datetime) -> dict[str, Any]:
    decision = one.decision
    chosen = decision.ranking[0] if decision.channel else None
    when = decision.hold_until or start
    return {
        "family": one.family.external_ref,
        "name": one.family.name,
        "channel": decision.channel,
        "address": chosen.address if chosen else None,
        "when": when.astimezone(UTC).isoformat(timespec="seconds") if chosen else None,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in decision.reasons],
        "sentence": decision.sentence,
    }
