from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0012_openings_by_index")]

    operations = [
        migrations.AddIndex(
            model_name="received",
            index=models.Index(
                condition=models.Q(("kind__startswith", "channel.")),
                fields=["peer", "index"],
                name="received_of_cases",
            ),
        ),
    ]
