"""What the API keeps: a way to find late attempts' events."""

from django.db import migrations, models

from crm.indexing import AddIndexQuietly


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("crm", "0002_first_rows")]

    operations = [
        AddIndexQuietly(
            model_name="interaction",
            index=models.Index(
                condition=models.Q(("in_reply_to__gt", "")), fields=["family", "in_reply_to"], name="interaction_reply"
            ),
        ),
    ]
