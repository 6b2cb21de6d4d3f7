"""Writing a message: drafts and files; what vendors answered; what lists are searched by."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import channels.models.drafts

TICK = "Send what is due"


def add_tick(apps, schema_editor) -> None:
    # What waits to be taken back leaves by its time: nobody counts seconds in a process.
    interval = apps.get_model("django_celery_beat", "IntervalSchedule")
    task = apps.get_model("django_celery_beat", "PeriodicTask")
    every, _created = interval.objects.get_or_create(every=2, period="seconds")
    task.objects.get_or_create(
        name=TICK, defaults={"task": "channels.send_due", "interval": every, "expire_seconds": 6}
    )


def drop_tick(apps, schema_editor) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=TICK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("channels", "0010_templates"),
        ("crm", "0014_years"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(verbose_name="token of the form")),
                ("name", models.CharField(max_length=150, verbose_name="name")),
                ("content_type", models.CharField(max_length=100, verbose_name="type")),
                ("size", models.PositiveIntegerField(verbose_name="bytes")),
                ("digest", models.CharField(max_length=64, verbose_name="SHA-256")),
                (
                    "file",
                    models.FileField(blank=True, upload_to=channels.models.drafts.random_path, verbose_name="file"),
                ),
                ("uploaded_at", models.DateTimeField(db_index=True, verbose_name="added")),
                ("forgotten_at", models.DateTimeField(blank=True, null=True, verbose_name="file deleted")),
            ],
            options={
                "verbose_name": "attachment",
                "verbose_name_plural": "attachments",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(unique=True, verbose_name="token of the form")),
                ("renewed", models.UUIDField(null=True, verbose_name="token of the form that came back")),
                ("data", models.JSONField(default=dict, verbose_name="what was typed")),
                ("saved_at", models.DateTimeField(db_index=True, verbose_name="saved")),
            ],
            options={
                "verbose_name": "draft",
                "verbose_name_plural": "drafts",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="SendAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="try")),
                ("code", models.CharField(blank=True, max_length=40, verbose_name="code")),
                ("error", models.CharField(blank=True, max_length=500, verbose_name="error")),
                ("raw", models.TextField(blank=True, verbose_name="raw answer")),
                ("at", models.DateTimeField(db_index=True, verbose_name="answered")),
            ],
            options={
                "verbose_name": "vendor's answer",
                "verbose_name_plural": "vendors' answers",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="message",
            name="reason",
            field=models.CharField(blank=True, max_length=40, verbose_name="why it did not go"),
        ),
        migrations.AddField(
            model_name="message",
            name="via",
            field=models.CharField(
                blank=True,
                choices=[
                    ("email", "Email"),
                    ("sms", "SMS"),
                    ("whatsapp", "WhatsApp"),
                    ("rcs", "RCS"),
                    ("push", "Push"),
                    ("portal", "Portal"),
                    ("phone", "Phone"),
                    ("in_person", "In person"),
                ],
                max_length=12,
                verbose_name="goes by",
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="messages",
            field=models.ManyToManyField(
                blank=True, related_name="attachments", to="channels.message", verbose_name="messages"
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="uploaded_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="added by",
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="message",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="drafts",
                to="channels.message",
                verbose_name="message",
            ),
        ),
        migrations.AddField(
            model_name="sendanswer",
            name="delivery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="answers",
                to="channels.delivery",
                verbose_name="delivery",
            ),
        ),
        migrations.AddConstraint(
            model_name="attachment",
            constraint=models.UniqueConstraint(fields=("token", "digest", "name"), name="one_file_a_form"),
        ),
        migrations.RunPython(add_tick, drop_tick),
    ]
