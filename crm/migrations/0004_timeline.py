"""Pinned entries, the words by which search finds an entry, and the indexes that the timeline's queries call for."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from crm.folding import written_in
from crm.indexing import AddIndexQuietly

AT_ONCE = 2_000


def fold_the_log(apps, schema_editor) -> None:
    """Batch by batch along the key, so that it can be stopped and run again on a log of any length."""
    interactions = apps.get_model("crm", "Interaction").objects.using(schema_editor.connection.alias)
    last = 0
    while batch := list(interactions.filter(pk__gt=last).order_by("pk").only("pk", "metadata")[:AT_ONCE]):
        last = batch[-1].pk
        for one in batch:
            one.folded = written_in(one.metadata) if isinstance(one.metadata, dict) else ""
        interactions.bulk_update([one for one in batch if one.folded], ["folded"], batch_size=500)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("crm", "0003_access"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Pin",
            fields=[
                (
                    "interaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pin",
                        serialize=False,
                        to="crm.interaction",
                        verbose_name="interaction",
                    ),
                ),
                ("pinned_at", models.DateTimeField(verbose_name="pinned")),
                (
                    "family",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pins",
                        to="crm.family",
                        verbose_name="family",
                    ),
                ),
                (
                    "pinned_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="pinned by",
                    ),
                ),
            ],
            options={
                "verbose_name": "pinned entry",
                "verbose_name_plural": "pinned entries",
                "ordering": ["-pinned_at", "-interaction_id"],
            },
        ),
        migrations.AddField(
            model_name="interaction",
            name="folded",
            field=models.TextField(blank=True, db_default="", default="", editable=False, verbose_name="search text"),
        ),
        AddIndexQuietly(
            model_name="channeltally",
            index=models.Index(
                condition=models.Q(("attempts__lte", models.F("engaged") * 2), ("engaged__gt", 0)),
                fields=["channel", "family"],
                name="tally_answered",
            ),
        ),
        AddIndexQuietly(
            model_name="interaction",
            index=models.Index(
                condition=models.Q(("interaction_type", "correction")),
                fields=["family", "in_reply_to"],
                name="interaction_corrections",
            ),
        ),
        migrations.RunPython(fold_the_log, migrations.RunPython.noop),
    ]
