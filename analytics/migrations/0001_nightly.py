"""Learn every night; the schedule belongs to the people who edit it in the admin from then on."""

from django.conf import settings
from django.db import migrations

NAME = "Learn channel preferences"
TASK = "analytics.recalculate_preferences"


def add_schedule(apps, schema_editor) -> None:
    at_night, _created = apps.get_model("django_celery_beat", "CrontabSchedule").objects.get_or_create(
        minute="30", hour="2", day_of_week="*", day_of_month="*", month_of_year="*", timezone=settings.TIME_ZONE
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={"task": TASK, "crontab": at_night, "description": "Fills learned preferences from the last 90 days."},
    )


def remove_schedule(apps, schema_editor) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME, task=TASK).delete()


class Migration(migrations.Migration):
    dependencies = [("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [migrations.RunPython(add_schedule, remove_schedule)]
