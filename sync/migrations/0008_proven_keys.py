from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0007_parcels_sent")]

    operations = [
        migrations.AddField(
            model_name="peer", name="proven_keys", field=models.BooleanField(default=False)
        ),
    ]
