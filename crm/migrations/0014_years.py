"""Calls are due in years that every zone can tell; what was asked for beyond them is due at their end."""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

FIRST, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LAST = datetime(2199, 12, 31, tzinfo=UTC)


def bring_near(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Times outside go to the nearest one inside."""
    tasks = apps.get_model("crm", "CallTask").objects.using(schema_editor.connection.alias)
    tasks.filter(due_at__lt=FIRST).update(due_at=FIRST)
    tasks.filter(due_at__gte=END).update(due_at=LAST)


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0013_place_numbers"),
    ]

    operations = [
        migrations.RunPython(bring_near, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="calltask",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gte", FIRST), ("due_at__lt", END)), name="task_due_in_our_years"
            ),
        ),
    ]
