from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channel", "0004_kept_from")]

    operations = [
        migrations.CreateModel(
            name="FormUse",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("box", models.BinaryField()),
                ("day", models.DateField()),
            ],
            options={"ordering": ["id"]},
        ),
    ]
