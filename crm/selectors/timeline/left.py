"""Whom an entry was about who was taken out of the family since: the entry lost the link, and the removal kept it."""

from collections.abc import Iterable

from crm.enums import ChangeKind
from crm.models import Family, HouseholdChange, Interaction


def name_who_left(family: Family, entries: Iterable[Interaction]) -> None:
    """Give entries without a person the name of the one who was taken out, in one query; nothing is saved."""
    unnamed = [one for one in entries if one.member_id is None]
    if not unnamed:
        return
    names: dict[int, str] = {}
    removals = HouseholdChange.objects.filter(family=family, kind=ChangeKind.REMOVAL, undone_at=None)
    for name, payload in removals.values_list("gone_name", "payload"):
        for step in payload["steps"]:
            if step[:2] == ["set", "crm.Interaction"] and step[3] == "member_id":
                names[step[2]] = name.split(" ")[0]
    for one in unnamed:
        one.left = names.get(one.pk, "")
