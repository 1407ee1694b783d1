import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("username", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("what", models.CharField(max_length=12)),
                ("name", models.CharField(max_length=60)),
                ("office", models.CharField(blank=True, max_length=120)),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), size=None
                    ),
                ),
                ("password", models.CharField(blank=True, max_length=128)),
                ("rest", models.CharField(blank=True, max_length=20)),
                ("day", models.DateField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.staff",
                    ),
                ),
            ],
            options={
                "ordering": ["username"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("what__in", ["created", "changed", "password", "enabled"])
                        ),
                        name="proposal_known",
                    )
                ],
            },
        ),
    ]
