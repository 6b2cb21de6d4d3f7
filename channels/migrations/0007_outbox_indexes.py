"""Finds the deliveries that are claimed, and those whose vendor is to be asked; built beside the traffic."""

from django.db import migrations, models

from crm.indexing import AddIndexQuietly


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("channels", "0006_asking_vendors")]

    operations = [
        AddIndexQuietly(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(claimed_until__isnull=False), fields=["claimed_until"], name="delivery_claimed"
            ),
        ),
        AddIndexQuietly(
            model_name="delivery",
            index=models.Index(condition=models.Q(ask_at__isnull=False), fields=["ask_at"], name="delivery_ask"),
        ),
    ]
