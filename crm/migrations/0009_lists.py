"""When each family was last in touch, views that people save, and the index by which search finds notes."""

import django.db.models.deletion
from django.conf import settings
from django.db import connections, migrations, models

from crm.indexing import AddIndexQuietly

AT_ONCE = 5_000
NEWEST = """
    INSERT INTO crm_lastcontact (family_id, at, channel, from_them)
    SELECT entry.family_id, entry.occurred_at, entry.channel, entry.direction = 'in'
    FROM crm_family family JOIN crm_interaction entry ON entry.id = (
        SELECT one.id FROM crm_interaction one
        WHERE one.family_id = family.id AND one.direction IN ('in', 'out') AND NOT one.is_machine
            AND one.category <> 'event'
            AND NOT EXISTS (
                SELECT 1 FROM crm_interaction withdrawal
                WHERE withdrawal.family_id = one.family_id AND withdrawal.external_system = 'earshot-staff'
                    AND withdrawal.external_id = 'correction-' || one.id
                    AND withdrawal.interaction_type = 'correction')
        ORDER BY one.occurred_at DESC, one.id DESC LIMIT 1)
    WHERE family.id BETWEEN %s AND %s
    ON CONFLICT (family_id) DO NOTHING
"""
NEVER = """
    INSERT INTO crm_lastcontact (family_id, at, channel, from_them)
    SELECT family.id, '{never}', '', false FROM crm_family family WHERE family.id BETWEEN %s AND %s
    ON CONFLICT (family_id) DO NOTHING
"""
FIRST_MOMENT = "INSERT INTO crm_lastcontact (family_id, at, channel, from_them) VALUES (NEW.id, '{never}', '', false)"
WRITTEN_BY_STAFF = "category IN ('call', 'conversation', 'note', 'correction')"


def look_at_the_log(apps, schema_editor) -> None:
    """Some families at a time, along the key, so that it can be stopped and run again on a log of any length."""
    families = apps.get_model("crm", "Family").objects.using(schema_editor.connection.alias)
    last = families.order_by("-pk").values_list("pk", flat=True).first() or 0
    for start in range(0, last + 1, AT_ONCE):
        with connections[schema_editor.connection.alias].cursor() as cursor:
            for statement in (NEWEST, NEVER.format(never=never(schema_editor))):
                cursor.execute(statement, [start, start + AT_ONCE - 1])


def never(schema_editor) -> str:
    return "1970-01-01 00:00:00+00" if schema_editor.connection.vendor == "postgresql" else "1970-01-01 00:00:00"


def begin_with_every_family(apps, schema_editor) -> None:
    """A row from the first moment, by whichever way a family comes."""
    first = FIRST_MOMENT.format(never=never(schema_editor)) + " ON CONFLICT (family_id) DO NOTHING"
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION crm_first_contact() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {first}; RETURN NULL; END $$"
        )
        schema_editor.execute(
            "CREATE TRIGGER crm_first_contact AFTER INSERT ON crm_family "
            "FOR EACH ROW EXECUTE FUNCTION crm_first_contact()"
        )
    else:
        schema_editor.execute(f"CREATE TRIGGER crm_first_contact AFTER INSERT ON crm_family BEGIN {first}; END")


def stop_with_every_family(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER IF EXISTS crm_first_contact ON crm_family")
        schema_editor.execute("DROP FUNCTION IF EXISTS crm_first_contact()")
    else:
        schema_editor.execute("DROP TRIGGER IF EXISTS crm_first_contact")


def index_notes(apps, schema_editor) -> None:
    """Trigrams where the engine has them; elsewhere the notes by themselves, so that a look reads nothing else."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS interaction_notes ON crm_interaction "
            f"USING gin (folded gin_trgm_ops) WHERE {WRITTEN_BY_STAFF}"
        )
        schema_editor.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS interaction_notes_family ON crm_interaction (family_id) "
            f"WHERE {WRITTEN_BY_STAFF}"
        )
    else:
        schema_editor.execute(
            "CREATE INDEX IF NOT EXISTS interaction_notes ON crm_interaction (family_id, folded) "
            f"WHERE {WRITTEN_BY_STAFF}"
        )


def drop_notes_index(apps, schema_editor) -> None:
    for name in ("interaction_notes", "interaction_notes_family"):
        schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("crm", "0008_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LastContact",
            fields=[
                (
                    "family",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="last_contact",
                        serialize=False,
                        to="crm.family",
                        verbose_name="family",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="when")),
                (
                    "channel",
                    models.CharField(
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
                        verbose_name="channel",
                    ),
                ),
                ("from_them", models.BooleanField(default=False, verbose_name="from them")),
            ],
            options={
                "verbose_name": "last contact",
                "verbose_name_plural": "last contacts",
                "indexes": [models.Index(fields=["at", "family"], name="last_contact_at")],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.JSONField(blank=True, default=dict, verbose_name="filters")),
                ("is_shared", models.BooleanField(default=False, verbose_name="shared with everybody")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="saved by",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved view",
                "verbose_name_plural": "saved views",
                "ordering": ["name", "id"],
                "constraints": [models.UniqueConstraint(fields=("owner", "name"), name="one_view_a_name")],
            },
        ),
        AddIndexQuietly(
            model_name="family",
            index=models.Index(fields=["created_at", "id"], name="family_created"),
        ),
        migrations.RunPython(begin_with_every_family, stop_with_every_family),
        migrations.RunPython(look_at_the_log, migrations.RunPython.noop),
        migrations.RunPython(index_notes, drop_notes_index),
    ]
