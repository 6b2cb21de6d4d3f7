"""What people change leaves an entry: who, when, from what to what; secrets never, jobs never."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.services import CampaignDetails, change_campaign, create_campaign, start_campaign
from crm.audit import acting_for
from crm.jobs import work_on_import
from crm.models import ApiKey, AttributeField, Change, Consent, ContactPoint, Family, Import, Topic
from crm.roles import OfficeRole
from crm.services import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    create_api_key,
    invalidate_address,
    merge_families,
    move_member,
    note_changes,
    record_consent,
    set_opt_out_channels,
    state_preference,
    undo_change,
    upsert_family,
)
from tests.factories import guardian, make_family, make_key, make_user
from tests.test_accounts import app_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Any:
    return make_user("boss", role=OfficeRole.ADMINISTRATOR)


@pytest.fixture
def office(boss: Any) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def told(model: type, **about: Any) -> list[dict[str, Any]]:
    """The changes of a table, oldest first."""
    found = Change.objects.filter(content_type__model=model._meta.model_name, **about).order_by("id")
    return [change.changes for change in found]


def test_a_change_of_an_own_field_is_told_on_the_familys_page_and_in_the_admin(boss: Any) -> None:
    family = make_family("Martinez family")
    with acting_for(boss.pk):
        AttributeField.objects.create(key="bus", label="Bus", kind="choice", options=["Red", "Blue"])
        family.attributes = {"bus": "Red", "kids": 3, "langs": ["es", "en"]}
        family.save()
    client = Client()
    client.force_login(boss)
    for path in (family.get_absolute_url(), reverse("crm:family-changes", args=[family.pk])):
        assert "bus: Red, kids: 3, langs: es, en" in client.get(path).content.decode()
    assert client.get(reverse("admin:crm_change_changelist")).status_code == 200
    for change in Change.objects.all():
        assert client.get(reverse("admin:crm_change_change", args=[change.pk])).status_code == 200


def test_a_family_changed_by_a_person_leaves_who_what_and_when(boss: Any) -> None:
    family = make_family("Martinez family")
    with acting_for(boss.pk):
        upsert_family(details=FamilyDetails(external_ref=family.external_ref, name="Martinez-Okafor", tags=["choir"]))
    name, tags = Change.objects.filter(family_id=family.pk).order_by("id")
    assert name.changes == {"name": ["Martinez family", "Martinez-Okafor"]}
    assert (name.actor, name.actor_name, name.who) == (boss, "boss", "Boss")
    assert tags.changes["tags"]["objects"] == ["choir"]
    assert tags.lines() == [("tags", "", "choir")]


def test_a_merge_and_its_undo_tell_what_they_changed(boss: Any, office: Client) -> None:
    keep = make_family("Okafor family", email="keep@example.org")
    gone = make_family("Uddin family", ref="RB-1", email="gone@example.org", stage="paused")
    with acting_for(boss.pk):
        take = ["name", "stage", "primary.email"]
        change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=boss.pk, take=take)
    assert {"name": ["Okafor family", "Uddin family"]} in told(Family, family_id=keep.pk)
    assert {"stage": ["enrolled", "paused"]} in told(Family, family_id=keep.pk)
    assert {"is_primary": [True, False]} in told(ContactPoint, family_id=keep.pk)
    page = office.get(reverse("crm:family-changes", args=[keep.pk])).content.decode()
    assert "Merged Uddin family (RB-1) into this family" in page
    with acting_for(boss.pk):
        undo_change(change=change, by_id=boss.pk)
    assert told(Family, family_id=keep.pk)[-1] == {"name": ["Uddin family", "Okafor family"]}
    page = office.get(reverse("crm:family-changes", args=[keep.pk])).content.decode()
    assert "Took back: Merged Uddin family (RB-1) into this family" in page
    assert "change of households" not in page


def test_a_move_stands_with_both_families(boss: Any, office: Client) -> None:
    source, target = make_family("Okafor family"), make_family("Uddin family")
    name = guardian(source).name
    with acting_for(boss.pk):
        change = move_member(member=guardian(source), to_id=target.pk, by_id=boss.pk)
        undo_change(change=change, by_id=boss.pk)
    for family, words in ((source, f"{name} went to Uddin family"), (target, f"{name} came from Okafor family")):
        page = office.get(reverse("crm:family-changes", args=[family.pk])).content.decode()
        assert page.count(words) == 2
        assert page.count(f"Took back: {words}") == 1


def test_people_and_addresses_too(boss: Any) -> None:
    family = make_family(email="elena@example.org", phone=None)
    new = MemberDetails(guardian(family).name, contact_points=[ContactDetails("email", "new@example.org", None, True)])
    with acting_for(boss.pk):
        upsert_family(
            details=FamilyDetails(external_ref=family.external_ref, members=[new, MemberDetails("Ngozi", "guardian")])
        )
        invalidate_address(channel="email", address="elena@example.org", reason="bounced")
    lost, added, broken = told(ContactPoint, family_id=family.pk)
    # The old one gives up being primary by a statement that no signal tells of.
    assert lost == {"is_primary": [True, False]}
    assert added["value"] == [None, "new@example.org"]
    assert broken == {"is_valid": [True, False], "invalid_reason": ["", "bounced"]}
    assert Change.objects.filter(family_id=family.pk, object_repr="Ngozi", action=Change.Action.CREATE).count() == 1


def test_consent_and_wishes_too(boss: Any) -> None:
    family = make_family()
    with acting_for(boss.pk):
        set_opt_out_channels(family=family, channels=["sms"], source="staff", by_id=boss.pk)
        state_preference(family=family, preferred_channel="email", by_id=boss.pk)
        state_preference(family=family, preferred_channel="phone", by_id=boss.pk)
    (consent,) = told(Consent, family_id=family.pk)
    assert consent["channel"] == [None, "sms"]
    wishes = Change.objects.filter(content_type__model="statedpreference").order_by("id")
    assert [change.changes["preferred_channel"] for change in wishes] == [[None, "email"], ["email", "phone"]]
    assert {change.family_id for change in wishes} == {family.pk}


def test_what_no_person_does_leaves_nothing(client: Client) -> None:
    family = make_family()
    upsert_family(details=FamilyDetails(external_ref=family.external_ref, name="Renamed"))
    record_consent(granted=False, source="stop_word", address="+447700900001", channel="sms")
    note_changes(changed=[(family, {"name": ("a", "b")})])
    call_command("recalculate_preferences")
    key = make_key("families:write")
    answer = client.patch(
        f"/api/v1/families/{family.external_ref}/", {"name": "By key"}, "application/json",
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code in (200, 405)
    assert not Change.objects.exists()


def test_nothing_new_is_no_entry(boss: Any) -> None:
    family = make_family()
    with acting_for(boss.pk):
        family.save()
        upsert_family(details=FamilyDetails(external_ref=family.external_ref, name=family.name))
        note_changes(changed=[(family, {"name": ("same", "same")})])
    assert not Change.objects.exists()


def test_an_entry_goes_with_what_was_not_done(boss: Any) -> None:
    family = make_family()
    with acting_for(boss.pk), pytest.raises(Exception, match="channel"):
        upsert_family(
            details=FamilyDetails(
                external_ref=family.external_ref, name="Half", contact_points=[ContactDetails("pigeon", "x")]
            )
        )
    assert not Change.objects.exists()


def test_keys_leave_an_entry_without_their_secret(office: Client) -> None:
    office.post(reverse("admin:crm_apikey_add"), {"name": "portal", "scopes": ["portal"], "expires_at_0": ""})
    key = ApiKey.objects.get()
    (made,) = told(ApiKey)
    assert made["name"] == [None, "portal"]
    assert key.digest not in str(made)
    office.post(reverse("admin:crm_apikey_changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    assert list(told(ApiKey)[1]) == ["revoked_at"]
    # Twice is once.
    office.post(reverse("admin:crm_apikey_changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    assert len(told(ApiKey)) == 2


def test_people_leave_entries_without_their_password(office: Client) -> None:
    given = {
        "username": "grace",
        "usable_password": "true",
        "password1": "long-and-odd-77",
        "password2": "long-and-odd-77",
    }
    assert office.post(reverse("admin:auth_user_add"), given).status_code == 302
    (made,) = Change.objects.filter(content_type__model="user", action=Change.Action.CREATE)
    assert made.changes["username"] == [None, "grace"]
    assert made.changes["password"] == ["", "•••"]
    assert "pbkdf2" not in str(Change.objects.values_list("changes", flat=True))


def test_the_second_factor_leaves_entries_without_its_key(staff_client: Client, staff: Any) -> None:
    staff_client.get(reverse("second-factor"))
    secret = staff_client.session["second_factor_secret"]
    staff_client.post(reverse("second-factor"), {"code": app_code(secret)})
    staff_client.post(reverse("second-factor-off"), {"password": "earshot-demo"})
    kinds = Change.objects.filter(content_type__model="totpdevice").order_by("id")
    assert [change.action for change in kinds] == [Change.Action.CREATE, Change.Action.DELETE]
    assert {change.actor for change in kinds} == {staff}
    assert secret not in str(list(kinds.values_list("changes", flat=True)))


def test_campaigns_leave_entries(boss: Any) -> None:
    make_family(email="elena@example.org")
    topic = Topic.objects.get(slug="transactional")
    with acting_for(boss.pk):
        campaign = create_campaign(details=CampaignDetails("Fair", topic.pk, "Come"), by_id=boss.pk)
        change_campaign(campaign_id=campaign.pk, details=CampaignDetails("Fair", topic.pk, "Do come"))
        start_campaign(campaign_id=campaign.pk)
    _made, changed, started = told(Campaign)
    assert changed == {"body": ["Come", "Do come"]}
    assert started == {"state": ["draft", "running"]}


def test_many_at_once_are_written_in_few_queries(boss: Any, django_assert_max_num_queries: Any) -> None:
    families = [make_family() for _each in range(12)]
    with acting_for(boss.pk), django_assert_max_num_queries(4):
        assert note_changes(changed=[(one, {"stage": ("enrolled", "left")}) for one in families]) == 12
    assert Change.objects.filter(actor=boss, changes={"stage": ["enrolled", "left"]}).count() == 12


def test_fields_that_are_not_tracked_never_get_in(boss: Any) -> None:
    create_api_key(name="portal", scopes=["portal"])
    key = ApiKey.objects.get()
    with acting_for(boss.pk):
        assert note_changes(changed=[(key, {"digest": ("a", "b")}), (boss, {"password": ("a", "b")})]) == 0


def test_the_administration_shows_and_filters_but_changes_nothing(office: Client, boss: Any) -> None:
    family = make_family("Martinez family")
    with acting_for(boss.pk):
        upsert_family(details=FamilyDetails(external_ref=family.external_ref, name="<b>New</b>"))
    page = reverse("admin:crm_change_changelist")
    text = office.get(page).content.decode()
    assert "name: Martinez family → &lt;b&gt;New&lt;/b&gt;" in text
    assert "Martinez family" not in office.get(page, {"action__exact": "2"}).content.decode()
    assert "Martinez family" in office.get(page, {"actor__id__exact": boss.pk}).content.decode()
    change = Change.objects.get()
    assert office.get(reverse("admin:crm_change_change", args=[change.pk])).status_code == 200
    assert office.post(reverse("admin:crm_change_delete", args=[change.pk]), {"post": "yes"}).status_code == 403
    assert Change.objects.exists()


def test_managers_read_changes_on_the_family_page(staff_client: Client, manager_client: Client, boss: Any) -> None:
    family, other = make_family("Martinez family"), make_family("Okafor family")
    with acting_for(boss.pk):
        upsert_family(details=FamilyDetails(external_ref=family.external_ref, name="Martinez-Okafor"))
        upsert_family(details=FamilyDetails(external_ref=other.external_ref, name="Somebody else"))
    shown = manager_client.get(family.get_absolute_url()).content.decode()
    assert "family-changes" in shown
    assert "Somebody else" not in shown
    assert "family-changes" not in staff_client.get(family.get_absolute_url()).content.decode()
    assert staff_client.get(reverse("crm:family-changes", args=[family.pk])).status_code == 403


def test_the_page_of_changes_pages_in_a_fixed_number_of_queries(
    manager_client: Client, boss: Any, django_assert_num_queries: Any
) -> None:
    family = make_family()
    address = reverse("crm:family-changes", args=[family.pk])
    assert "Nobody has changed anything yet" in manager_client.get(address).content.decode()
    with acting_for(boss.pk):
        note_changes(changed=[(family, {"name": (f"old{number}-", "new")}) for number in range(60)])
    with django_assert_num_queries(5):
        first = manager_client.get(address).content.decode()
    assert "old59-" in first
    assert "old9-" not in first
    after = first.split("?after=")[1].split('"')[0]
    with django_assert_num_queries(5):
        second = manager_client.get(f"{address}?after={after}").content.decode()
    assert "old9-" in second
    assert "old10-" not in second


def test_an_import_by_a_manager_tells_who(manager_client: Client) -> None:
    data = (Path(settings.BASE_DIR) / "static" / "examples" / "families.csv").read_bytes()
    upload = SimpleUploadedFile("families.csv", data, content_type="text/csv")
    manager_client.post(reverse("crm:imports"), {"kind": "families", "file": upload})
    run = Import.objects.get()
    work_on_import(run.pk)
    assert not Change.objects.exists()
    manager_client.post(reverse("crm:import-start", args=[run.pk]))
    work_on_import(run.pk)
    made = Change.objects.filter(content_type__model="family", action=Change.Action.CREATE)
    assert made.count() == Family.objects.count() > 0
    assert set(made.values_list("actor_name", flat=True)) == {"priya"}


def test_what_a_file_says_of_consent_and_its_undo_are_written_down(manager_client: Client) -> None:
    Topic.objects.get_or_create(slug="marketing", defaults={"name": "Marketing"})
    data = (
        "family_ref,family_name,member_name,email,marketing_email\n"
        "A-1,Ahlgren,Elena Ahlgren,e@example.org,yes\nB-1,Beauchamp,Ben Beauchamp,b@example.org,no\n"
    )
    upload = SimpleUploadedFile("families.csv", data.encode(), content_type="text/csv")
    manager_client.post(reverse("crm:imports"), {"kind": "families", "file": upload})
    run = Import.objects.get()
    work_on_import(run.pk)
    manager_client.post(reverse("crm:import-start", args=[run.pk]))
    work_on_import(run.pk)
    said = Change.objects.filter(content_type__model="consent", action=Change.Action.CREATE).order_by("pk")
    assert [one.family_id for one in said] == list(Consent.objects.order_by("pk").values_list("family", flat=True))
    assert [one.changes["granted"][1] for one in said] == [True, False]
    for one in said:
        assert (one.actor_name, one.changes["source"][1], one.changes["channel"][1]) == ("priya", "import", "email")
        assert one.changes["topic"][1] == Topic.objects.get(slug="marketing").name
        page = manager_client.get(reverse("crm:family-changes", args=[one.family_id])).content.decode()
        assert "Consent" in page or "consent" in page
    manager_client.post(reverse("crm:import-undo", args=[run.pk]))
    work_on_import(run.pk)
    assert Change.objects.filter(content_type__model="consent").count() >= Consent.objects.count()


def test_a_deleted_family_leaves_its_entry(office: Client, boss: Any) -> None:
    family = make_family("Martinez family")
    office.post(reverse("admin:crm_family_delete", args=[family.pk]), {"post": "yes"})
    assert not Family.objects.filter(pk=family.pk).exists()
    (gone,) = Change.objects.filter(content_type__model="family", action=Change.Action.DELETE)
    assert gone.changes["name"] == ["Martinez family", None]
    boss.delete()
    gone.refresh_from_db()
    assert (gone.actor, gone.who) == (None, "boss")
