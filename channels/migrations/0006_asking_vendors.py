"""When vendors are asked what became of a message, and the tick that asks."""

from django.db import migrations, models

TICK = "Ask vendors what became of messages"


def add_tick(apps, schema_editor) -> None:
    every, _created = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=60, period="seconds"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=TICK, defaults={"task": "channels.ask_vendors", "interval": every, "expire_seconds": 60}
    )


def drop_tick(apps, schema_editor) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=TICK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("channels", "0005_message_variants"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="ask_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="vendor is asked"),
        ),
        migrations.AddField(
            model_name="delivery",
            name="asks",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="times asked"),
        ),
        migrations.RunPython(add_tick, drop_tick),
    ]
