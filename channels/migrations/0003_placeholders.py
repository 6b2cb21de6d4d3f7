"""Remembers of a message that its text names the person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels", "0002_schedule")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="personal",
            field=models.BooleanField(default=False, verbose_name="names the person"),
        ),
    ]
