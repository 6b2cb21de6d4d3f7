"""What the list of families filters by, of the organisation's own fields, kept by the database where an index helps."""

from django.db import connections, migrations, models

AT_ONCE = 5_000
MATCHED = "crm_ownvalue (family_id, key, text, number)"
# A number beyond what a double holds cannot be asked for either.
POSTGRESQL = """
    SELECT {row}.id, left(own.key, 40), left(lower(own.value #>> '{{}}'), 500),
        CASE WHEN jsonb_typeof(own.value) = 'number' AND abs((own.value #>> '{{}}')::numeric) < 1e300
            THEN (own.value #>> '{{}}')::float8 END
    FROM {source} jsonb_each({row}.attributes) own
    WHERE jsonb_typeof(own.value) IN ('string', 'number') AND length(own.key) <= 40
"""
SQLITE = """
    SELECT {row}.id, own.key, substr(lower(own.value), 1, 500),
        CASE WHEN own.type IN ('integer', 'real') THEN CAST(own.value AS REAL) END
    FROM {source} json_each({row}.attributes) own
    WHERE own.type IN ('text', 'integer', 'real') AND length(own.key) <= 40
"""
WHEN = {
    "insert": "AFTER INSERT ON crm_family FOR EACH ROW WHEN (NEW.attributes <> '{}')",
    "update": "AFTER UPDATE OF attributes ON crm_family FOR EACH ROW WHEN (NEW.attributes <> OLD.attributes)",
    "delete": "AFTER DELETE ON crm_family FOR EACH ROW WHEN (OLD.attributes <> '{}')",
}
AWAY = "DELETE FROM crm_ownvalue WHERE family_id = OLD.id"


def fill(apps, schema_editor) -> None:
    """Some families at a time, along the key, so that it can be stopped and run again."""
    connection = connections[schema_editor.connection.alias]
    families = apps.get_model("crm", "Family").objects.using(connection.alias)
    last = families.order_by("-pk").values_list("pk", flat=True).first() or 0
    values = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    chosen = values.format(row="family", source="crm_family family, ")
    for start in range(0, last + 1, AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {MATCHED} {chosen} AND family.id BETWEEN %s AND %s ON CONFLICT DO NOTHING",
                [start, start + AT_ONCE - 1],
            )


def keep(apps, schema_editor) -> None:
    """Whoever writes a family, the values follow."""
    if schema_editor.connection.vendor == "postgresql":
        told = f"INSERT INTO {MATCHED} {POSTGRESQL.format(row='NEW', source='')};"
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION crm_own_values() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF TG_OP <> 'INSERT' THEN {AWAY}; END IF; "
            f"IF TG_OP <> 'DELETE' THEN {told} END IF; RETURN NULL; END $$"
        )
        for name, when in WHEN.items():
            schema_editor.execute(f"CREATE TRIGGER crm_own_values_{name} {when} EXECUTE FUNCTION crm_own_values()")
        return
    told = f"INSERT INTO {MATCHED} {SQLITE.format(row='NEW', source='')};"
    does = {"insert": told, "update": f"{AWAY}; {told}", "delete": f"{AWAY};"}
    for name, when in WHEN.items():
        schema_editor.execute(f"CREATE TRIGGER crm_own_values_{name} {when} BEGIN {does[name]} END")


def let_go(apps, schema_editor) -> None:
    on = " ON crm_family" if schema_editor.connection.vendor == "postgresql" else ""
    for name in WHEN:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS crm_own_values_{name}{on}")
    if on:
        schema_editor.execute("DROP FUNCTION IF EXISTS crm_own_values()")


def index_words(apps, schema_editor) -> None:
    """Trigrams where the engine has them."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE INDEX own_value_words ON crm_ownvalue USING gin (text gin_trgm_ops)")


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0014_years"),
    ]

    operations = [
        migrations.CreateModel(
            name="OwnValue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "family_id", "key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("family_id", models.BigIntegerField(verbose_name="family")),
                ("key", models.CharField(max_length=40, verbose_name="key")),
                ("text", models.CharField(max_length=500, verbose_name="text")),
                ("number", models.FloatField(null=True, verbose_name="number")),
            ],
            options={
                "verbose_name": "own value",
                "verbose_name_plural": "own values",
                "indexes": [
                    models.Index(fields=["key", "number", "family_id"], name="own_value_number"),
                    models.Index(fields=["key", "text"], name="own_value_text"),
                ],
            },
        ),
        migrations.RunPython(index_words, migrations.RunPython.noop),
        migrations.RunPython(keep, let_go),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
