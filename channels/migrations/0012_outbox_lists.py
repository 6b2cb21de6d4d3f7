"""What lists of messages are searched by, filled in for those that are there, and its indexes."""

from django.db import migrations, models

from crm.indexing import AddIndexQuietly

AT_ONCE = 20_000
FILL = """
    UPDATE channels_message SET
        via = COALESCE((SELECT leg.channel FROM channels_delivery leg WHERE leg.message_id = channels_message.id
            ORDER BY leg.leg DESC LIMIT 1), ''),
        reason = CASE WHEN status IN ('failed', 'blocked', 'cancelled') THEN COALESCE((
            SELECT leg.error_code FROM channels_delivery leg WHERE leg.message_id = channels_message.id
            ORDER BY leg.leg DESC LIMIT 1), '') ELSE '' END
    WHERE id > %s AND id <= %s
"""


def fill(apps, schema_editor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MIN(id), 1) - 1, COALESCE(MAX(id), 0) FROM channels_message")
        first, last = cursor.fetchone()
        for start in range(first, last, AT_ONCE):
            cursor.execute(FILL, [start, start + AT_ONCE])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("channels", "0011_compose")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexQuietly(
            model_name="message",
            index=models.Index(fields=["via", "-id"], name="message_via"),
        ),
        AddIndexQuietly(
            model_name="message",
            index=models.Index(condition=models.Q(("reason__gt", "")), fields=["reason", "-id"], name="message_reason"),
        ),
        AddIndexQuietly(
            model_name="message",
            index=models.Index(fields=["-created_at", "-id"], name="message_created"),
        ),
    ]
