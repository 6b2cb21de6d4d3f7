"""The ticks of the channels floor, visible and editable in the admin."""

from django.db import migrations

TICKS = [
    ("Send, release and sweep", "channels.sweep", 10),
    ("Let the sandbox answer", "channels.post_echoes", 2),
]


def add_ticks(apps, schema_editor) -> None:
    interval = apps.get_model("django_celery_beat", "IntervalSchedule")
    task = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, path, seconds in TICKS:
        every, _created = interval.objects.get_or_create(every=seconds, period="seconds")
        # A tick that waited too long is not worth running: the next one does its work.
        task.objects.get_or_create(name=name, defaults={"task": path, "interval": every, "expire_seconds": seconds * 3})


def drop_ticks(apps, schema_editor) -> None:
    names = [name for name, _path, _seconds in TICKS]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [("channels", "0001_initial"), ("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [migrations.RunPython(add_ticks, drop_ticks)]
