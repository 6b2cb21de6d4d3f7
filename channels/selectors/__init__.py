"""Reads of the channels floor."""

from channels.selectors.decisions import preview, recommend, recommend_many
from channels.selectors.shapes import decision_as_json, message_as_json
from channels.selectors.snapshots import Ask, take_snapshots

__all__ = ["Ask", "decision_as_json", "message_as_json", "preview", "recommend", "recommend_many", "take_snapshots"]
