from django.db import migrations, models


class Migration(migrations.Migration):
    """An index over every audience cost a tenth of sealing, and only the public feed asked it."""

    dependencies = [("sync", "0011_a_round_in_fewer_calls")]

    operations = [
        migrations.RemoveIndex(model_name="opening", name="opening_audience"),
        migrations.AddIndex(
            model_name="opening",
            index=models.Index(
                condition=models.Q(("audience", "public")), fields=["index"], name="opening_public"
            ),
        ),
    ]
