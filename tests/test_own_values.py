"""What the list filters by, of the organisation's own fields, follows the families whoever writes them."""

import pytest
from django.db import connection

from crm.models import Family, OwnValue
from crm.services import merge_families
from tests.factories import make_family

pytestmark = pytest.mark.django_db


def own(family: Family, **attributes: object) -> Family:
    Family.objects.filter(pk=family.pk).update(attributes=attributes)
    return family


def kept(family: Family) -> dict[str, tuple[str, float | None]]:
    rows = OwnValue.objects.filter(family_id=family.pk)
    return {one.key: (one.text, one.number) for one in rows}


def found(key: str, **bounds: object) -> list[str]:
    return sorted(Family.objects.with_attribute_between(key, **bounds).values_list("name", flat=True))


def test_they_follow_every_change() -> None:
    family = own(make_family(), school="North Primary", fee=104, meals=True, left=None, more={"a": 1})
    assert kept(family) == {"school": ("north primary", None), "fee": ("104", 104.0)}
    own(family, school="South")
    assert kept(family) == {"school": ("south", None)}
    own(family)
    assert kept(family) == {}
    other = Family.objects.bulk_create([Family(name="Many", external_ref="many", attributes={"fee": 1.5})])[0]
    assert kept(other) == {"fee": ("1.5", 1.5)}
    pk = other.pk
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_lastcontact WHERE family_id = %s", [pk])
        cursor.execute("DELETE FROM crm_family WHERE id = %s", [pk])
    assert not OwnValue.objects.filter(family_id=pk).exists()


def test_a_family_that_is_merged_away_leaves_none_behind() -> None:
    keep, gone = own(make_family(), fee=1), own(make_family(), fee=2)
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert kept(gone) == {}
    assert kept(keep)["fee"] == ("1", 1.0)


def test_what_no_index_can_hold_refuses_no_family() -> None:
    family = own(make_family(), long="x" * 5_000, **{"k" * 90: "away"}, emoji="😀" * 600)
    assert {key: len(text) for key, (text, _number) in kept(family).items()} == {"long": 500, "emoji": 500}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_family SET attributes = '{\"huge\": 1e400}' WHERE id = %s", [family.pk])
    assert "huge" in kept(family)


def test_numbers_dates_and_texts_are_not_taken_for_each_other() -> None:
    own(make_family("Number"), value=5)
    own(make_family("Text"), value="5")
    own(make_family("Day"), value="2026-03-02")
    assert found("value", low=4.0, high=6.0) == ["Number"]
    assert found("value", high=5.0) == ["Number"]
    assert found("value", low="2026-03-01", high="2026-03-03") == ["Day"]


@pytest.mark.parametrize("many", [0, 20_000])
def test_what_many_have_is_found_as_what_few_have(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.querysets._MANY", many)
    one, other = own(make_family("One"), school="100% North"), own(make_family("Other"), school="NORTHERN")
    assert set(Family.objects.with_attribute_text("school", "north")) == {one, other}
    assert list(Family.objects.with_attribute_text("school", "100% n")) == [one]
    assert not Family.objects.with_attribute_text("school", "0%_n").exists()
