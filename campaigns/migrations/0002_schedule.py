"""The tick that takes up campaigns whose planning was interrupted."""

from django.db import migrations

NAME = "Go on with campaigns"


def add_tick(apps, schema_editor) -> None:
    interval = apps.get_model("django_celery_beat", "IntervalSchedule")
    task = apps.get_model("django_celery_beat", "PeriodicTask")
    every, _created = interval.objects.get_or_create(every=30, period="seconds")
    task.objects.get_or_create(name=NAME, defaults={"task": "campaigns.sweep", "interval": every, "expire_seconds": 90})


def drop_tick(apps, schema_editor) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial"), ("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [migrations.RunPython(add_tick, drop_tick)]
