from typing import Any

import msgspec
from django.db import migrations, models

_BY_TODAYS_ORDER = """
    UPDATE crm_place SET number = counted.number, decided_at = changed_at
    FROM (SELECT id, row_number() OVER (PARTITION BY event_id ORDER BY id) AS number FROM crm_place) AS counted
    WHERE counted.id = crm_place.id
"""
_LAST_NUMBERS = """
    UPDATE crm_event SET last_number = counted.last
    FROM (SELECT event_id, max(number) AS last FROM crm_place GROUP BY event_id) AS counted
    WHERE counted.event_id = crm_event.id
"""


def number_those_away(apps: Any, schema_editor: Any) -> None:
    """Places that were taken out with their person come back with a number, after those that stand today."""
    events = apps.get_model("crm", "Event").objects
    last = dict(events.values_list("pk", "last_number"))
    changed = set()
    changes = apps.get_model("crm", "HouseholdChange").objects
    for change in changes.filter(undone_at=None, payload__icontains="crm.place").iterator():
        for step in change.payload["steps"]:
            if step[0] != "away" or "crm.place" not in step[1]:
                continue
            rows = msgspec.json.decode(step[1])
            for row in rows:
                if row["model"] == "crm.place":
                    event = row["fields"]["event"]
                    last[event] = last.get(event, 0) + 1
                    row["fields"]["number"] = last[event]
                    changed.add(event)
            step[1] = msgspec.json.encode(rows).decode()
        change.save(update_fields=["payload"])
    for event in changed:
        events.filter(pk=event).update(last_number=last[event])


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0012_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="last_number",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="last number on paper"),
        ),
        migrations.AddField(
            model_name="place",
            name="number",
            field=models.PositiveIntegerField(default=0, verbose_name="number on paper"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="place",
            name="decided_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="decided"),
        ),
        migrations.RunSQL(_BY_TODAYS_ORDER, migrations.RunSQL.noop),
        migrations.RunSQL(_LAST_NUMBERS, migrations.RunSQL.noop),
        migrations.RunPython(number_those_away, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="place",
            constraint=models.UniqueConstraint(fields=("event", "number"), name="one_place_a_number"),
        ),
    ]
