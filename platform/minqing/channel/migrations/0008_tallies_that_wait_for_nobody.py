from django.db import migrations, models

import minqing.channel.models.tally


class Migration(migrations.Migration):
    dependencies = [("channel", "0007_closed_contacts")]

    operations = [
        migrations.RemoveConstraint(model_name="tally", name="tally_once_per_day"),
        migrations.AlterField(
            model_name="tally",
            name="id",
            field=models.BigIntegerField(
                default=minqing.channel.models.tally.random_id, primary_key=True, serialize=False
            ),
        ),
        migrations.AddIndex(
            model_name="tally", index=models.Index(fields=["day", "name"], name="tally_by_day")
        ),
    ]
