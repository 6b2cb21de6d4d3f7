"""Fields of the organisation's own, likely duplicates looked for every night, merges and moves with the way back."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

NAME = "Look for families that stand twice"
TASK = "crm.find_duplicates"


def add_schedule(apps, schema_editor) -> None:
    at_night, _created = apps.get_model("django_celery_beat", "CrontabSchedule").objects.get_or_create(
        minute="15", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone=settings.TIME_ZONE
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME,
        defaults={"task": TASK, "crontab": at_night, "description": "Fills the list of likely duplicates."},
    )


def remove_schedule(apps, schema_editor) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME, task=TASK).delete()


def add_attribute_index(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX IF NOT EXISTS family_attributes ON crm_family USING gin (attributes jsonb_path_ops)"
        )


def drop_attribute_index(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS family_attributes")


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0004_timeline"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AttributeField",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z][a-z0-9_]{0,39}\\Z",
                                "Use small letters, digits and _, beginning with a letter.",
                            )
                        ],
                        verbose_name="key",
                    ),
                ),
                ("label", models.CharField(max_length=80, verbose_name="label")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("number", "Number"),
                            ("yes_no", "Yes or no"),
                            ("date", "Date"),
                            ("choice", "Choice"),
                        ],
                        default="text",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("options", models.JSONField(blank=True, default=list, verbose_name="options")),
                ("help", models.CharField(blank=True, max_length=200, verbose_name="help")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("is_filter", models.BooleanField(default=False, verbose_name="filter of the list")),
                ("is_active", models.BooleanField(default=True, verbose_name="in use")),
            ],
            options={
                "verbose_name": "attribute",
                "verbose_name_plural": "attributes",
                "ordering": ["position", "label", "id"],
            },
        ),
        migrations.CreateModel(
            name="SentForm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.CharField(max_length=64, unique=True, verbose_name="token")),
                ("made_id", models.BigIntegerField(default=0, verbose_name="what it made")),
                ("sent_at", models.DateTimeField(db_index=True, verbose_name="sent")),
            ],
            options={
                "verbose_name": "saved form",
                "verbose_name_plural": "saved forms",
            },
        ),
        migrations.CreateModel(
            name="HouseholdChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("merge", "Merged"), ("move", "Moved"), ("removal", "Removed")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "gone_id",
                    models.BigIntegerField(
                        blank=True, db_index=True, null=True, verbose_name="number of the merged family"
                    ),
                ),
                (
                    "gone_ref",
                    models.CharField(
                        blank=True, db_index=True, max_length=64, verbose_name="reference of the merged family"
                    ),
                ),
                ("gone_name", models.CharField(blank=True, max_length=500, verbose_name="name of what went")),
                ("payload", models.JSONField(default=dict, verbose_name="what undo needs")),
                ("made_at", models.DateTimeField(verbose_name="made")),
                ("undone_at", models.DateTimeField(blank=True, null=True, verbose_name="undone")),
                (
                    "family",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="crm.family",
                        verbose_name="family",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="changes",
                        to="crm.member",
                        verbose_name="person",
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="changes_away",
                        to="crm.family",
                        verbose_name="came from",
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="undone by",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of households",
                "verbose_name_plural": "changes of households",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Duplicate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("score", models.PositiveSmallIntegerField(verbose_name="weight of the evidence")),
                ("evidence", models.JSONField(default=list, verbose_name="evidence")),
                ("found_at", models.DateTimeField(verbose_name="found")),
                ("dismissed_at", models.DateTimeField(blank=True, null=True, verbose_name="not the same, said on")),
                (
                    "dismissed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="said by",
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="crm.family",
                        verbose_name="first",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="crm.family",
                        verbose_name="second",
                    ),
                ),
            ],
            options={
                "verbose_name": "likely double",
                "verbose_name_plural": "likely duplicates",
                "ordering": ["-score", "-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("dismissed_at__isnull", True)), fields=["-score", "-id"], name="pair_open"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="one_pair_once"),
                    models.CheckConstraint(condition=models.Q(("first__lt", models.F("second"))), name="pair_in_order"),
                ],
            },
        ),
        migrations.RunPython(add_schedule, remove_schedule),
        migrations.RunPython(add_attribute_index, drop_attribute_index),
    ]
