import django.db.models.deletion
from django.db import migrations, models

# The schema is cloned by replacing its name in function and trigger texts: keep the word out of them.
ROTATES = """
CREATE OR REPLACE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR NEW.unit <> OLD.unit OR NEW.origin <> OLD.origin OR (OLD.log_key <> '' AND NEW.log_key <> OLD.log_key
        AND current_setting('minqing.rotation', true) IS DISTINCT FROM 'on') THEN
        RAISE EXCEPTION 'the log only grows, its name stays, and its key changes by rotation only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

STAYS = """
CREATE OR REPLACE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR NEW.unit <> OLD.unit OR NEW.origin <> OLD.origin OR (OLD.log_key <> '' AND NEW.log_key <> OLD.log_key) THEN
        RAISE EXCEPTION 'the log only grows, and its name and key stay' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0003_kinds_tried"),
    ]

    operations = [
        migrations.RunSQL(ROTATES, STAYS),
        migrations.AddField(
            model_name="incident",
            name="thaw_by",
            field=models.CharField(blank=True, default="", max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="incident",
            name="thaw_reason",
            field=models.CharField(blank=True, default="", max_length=300),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="log",
            name="halted",
            field=models.CharField(blank=True, default="", max_length=300),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="log", name="known", field=models.BinaryField(default=b"")
        ),
        migrations.AddField(
            model_name="peer", name="superior", field=models.BooleanField(default=False)
        ),
        migrations.AddConstraint(
            model_name="peer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("superior", True)), fields=("superior",), name="one_superior"
            ),
        ),
        migrations.CreateModel(
            name="PeerKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("use", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=200)),
                ("last", models.PositiveBigIntegerField(null=True)),
                (
                    "peer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="further_keys",
                        to="sync.peer",
                    ),
                ),
            ],
            options={"ordering": ["use", "id"]},
        ),
        migrations.AddConstraint(
            model_name="peerkey",
            constraint=models.UniqueConstraint(fields=("peer", "key"), name="peer_key_once"),
        ),
        migrations.CreateModel(
            name="RegionPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("region", models.CharField(max_length=80, unique=True)),
                ("version", models.PositiveBigIntegerField()),
                ("expires_on", models.DateField()),
                ("note", models.BinaryField()),
                ("taken_on", models.DateField()),
            ],
        ),
    ]
