from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0002_exchange")]

    operations = [
        migrations.AddField(
            model_name="following",
            name="kinds_tried",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
    ]
