"""What the API keeps: answers, rotated keys, webhooks and their outbox, and a way to find late attempts' events."""

import django.db.models.deletion
from django.db import migrations, models

from crm.indexing import AddIndexQuietly

TICKS = [("Tell other systems", "crm.tell_webhooks", 10), ("Sweep up behind the API", "crm.sweep_api", 60)]


def add_ticks(apps, schema_editor) -> None:
    interval = apps.get_model("django_celery_beat", "IntervalSchedule")
    task = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, path, seconds in TICKS:
        every, _created = interval.objects.get_or_create(every=seconds, period="seconds")
        task.objects.get_or_create(name=name, defaults={"task": path, "interval": every, "expire_seconds": seconds * 3})


def drop_ticks(apps, schema_editor) -> None:
    names = [name for name, _path, _seconds in TICKS]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("crm", "0006_files"), ("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [
        AddIndexQuietly(
            model_name="interaction",
            index=models.Index(
                condition=models.Q(("in_reply_to__gt", "")), fields=["family", "in_reply_to"], name="interaction_reply"
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="previous_digest",
            field=models.CharField(blank=True, db_index=True, default="", max_length=64, verbose_name="SHA-256 before"),
        ),
        migrations.AddField(
            model_name="apikey",
            name="previous_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="the one before works until"),
        ),
        migrations.AddField(
            model_name="apikey",
            name="rotated_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="rotated"),
        ),
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.CharField(max_length=60, verbose_name="asked by")),
                ("route", models.CharField(max_length=200, verbose_name="route")),
                ("key", models.CharField(max_length=255, verbose_name="key")),
                ("digest", models.CharField(max_length=64, verbose_name="SHA-256 of the request")),
                ("turn", models.CharField(max_length=32, verbose_name="turn")),
                ("locked_until", models.DateTimeField(verbose_name="locked until")),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status")),
                ("body", models.TextField(blank=True, verbose_name="answer")),
                ("created_at", models.DateTimeField(db_index=True, verbose_name="asked")),
            ],
            options={
                "verbose_name": "stored API answer",
                "verbose_name_plural": "stored API answers",
                "ordering": ["-id"],
                "constraints": [models.UniqueConstraint(fields=("owner", "route", "key"), name="answer_once")],
            },
        ),
        migrations.CreateModel(
            name="WebhookSubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                ("events", models.JSONField(default=list, verbose_name="events")),
                ("secret", models.CharField(max_length=80, verbose_name="secret")),
                ("previous_secret", models.CharField(blank=True, max_length=80, verbose_name="secret before")),
                (
                    "previous_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="the one before signs until"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("disabled_at", models.DateTimeField(blank=True, null=True, verbose_name="switched off")),
                ("disabled_because", models.CharField(blank=True, max_length=300, verbose_name="switched off because")),
                ("failing_since", models.DateTimeField(blank=True, null=True, verbose_name="failing since")),
                ("paused_until", models.DateTimeField(blank=True, null=True, verbose_name="not tried before")),
                ("last_success_at", models.DateTimeField(blank=True, null=True, verbose_name="last success")),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="crm.apikey",
                        verbose_name="made by",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("interactions.recorded", "Interactions recorded"),
                            ("consents.changed", "Consent changed"),
                            ("preferences.changed", "Preferences changed"),
                        ],
                        max_length=40,
                        verbose_name="event",
                    ),
                ),
                ("ids", models.JSONField(default=list, verbose_name="numbers of the rows")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                ("claimed_until", models.DateTimeField(blank=True, null=True, verbose_name="claimed until")),
                ("give_up_at", models.DateTimeField(verbose_name="given up at")),
                ("tries", models.PositiveIntegerField(default=0, verbose_name="tries")),
                ("settled_at", models.DateTimeField(blank=True, db_index=True, null=True, verbose_name="settled")),
                ("answer", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="status answered")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="crm.webhooksubscription",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook message",
                "verbose_name_plural": "webhook messages",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["state", "due_at"], name="webhook_due")],
            },
        ),
        migrations.RunPython(add_ticks, drop_ticks),
    ]
