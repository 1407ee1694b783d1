from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0006_append_in_one_call")]

    operations = [
        migrations.AlterField(
            model_name="contact",
            name="direction",
            field=models.CharField(
                choices=[("pull", "pull"), ("ring", "ring"), ("witness", "witness"), ("broker", "broker")],
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="Sent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("way", models.CharField(choices=[("broker", "broker"), ("disc", "disc")], max_length=8)),
                ("epoch", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0)),
                (
                    "peer",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="sent", to="sync.peer"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("peer", "way"), name="sent_once")],
            },
        ),
    ]
