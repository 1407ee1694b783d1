from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channel", "0005_form_uses")]

    operations = [
        migrations.AddField(
            model_name="case",
            name="from_below",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="case",
            name="copy_kept",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="case",
            name="copied",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="sealedreport",
            name="waits",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="sealedreport",
            name="emptied_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=80),
        ),
    ]
