from typing import Any

from django.conf import settings
from django.db import migrations, models


def note_present_name(apps: Any, schema_editor: Any) -> None:
    """Connections that stand were made under the name that is set now, as far as anybody can tell."""
    accepted = apps.get_model("sync", "Peer").objects.filter(accepted_here__isnull=False)
    accepted.update(own_operator=settings.MINQING.operator)


class Migration(migrations.Migration):
    dependencies = [("sync", "0009_seal_in_few_calls")]

    operations = [
        migrations.AddField(
            model_name="peer",
            name="own_operator",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.RunPython(note_present_name, migrations.RunPython.noop),
    ]
