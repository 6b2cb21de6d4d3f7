"""The two topics that exist from the start, and the search index where the engine has one."""

from django.db import migrations

TOPICS = [("transactional", "Everyday matters", "transactional"), ("marketing", "News and offers", "marketing")]


def add_topics(apps, schema_editor) -> None:
    topic = apps.get_model("crm", "Topic")
    for slug, name, kind in TOPICS:
        topic.objects.get_or_create(slug=slug, defaults={"name": name, "kind": kind})


def add_search_index(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        schema_editor.execute(
            "CREATE INDEX IF NOT EXISTS family_text_trigram ON crm_familytext USING gin (text gin_trgm_ops)"
        )


def drop_search_index(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS family_text_trigram")


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]

    operations = [
        migrations.RunPython(add_topics, migrations.RunPython.noop),
        migrations.RunPython(add_search_index, drop_search_index),
    ]
