from django.db import migrations, models

# The schema is cloned by replacing its name in function and trigger texts: keep the word out of them.
WALLS = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION ledger_refuse_unless_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('minqing.erasure', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION '% is deleted by a logged erasure only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR NEW.unit <> OLD.unit OR NEW.origin <> OLD.origin OR (OLD.log_key <> '' AND NEW.log_key <> OLD.log_key) THEN
        RAISE EXCEPTION 'the log only grows, and its name and key stay' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER entry_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON sync_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER tile_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON sync_tile
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER head_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON sync_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER opening_is_unchanged BEFORE UPDATE OR TRUNCATE ON sync_opening
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER opening_goes_by_erasure BEFORE DELETE ON sync_opening
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_unless_erasure();
CREATE TRIGGER log_stays BEFORE DELETE OR TRUNCATE ON sync_log
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER log_only_grows BEFORE UPDATE ON sync_log
    FOR EACH ROW EXECUTE FUNCTION ledger_only_grows();
"""

NO_WALLS = """
DROP FUNCTION ledger_refuse CASCADE;
DROP FUNCTION ledger_refuse_unless_erasure CASCADE;
DROP FUNCTION ledger_only_grows CASCADE;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Log",
            fields=[
                ("unit", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("origin", models.CharField(max_length=80)),
                ("log_key", models.CharField(blank=True, max_length=200)),
                ("size", models.BigIntegerField(default=0)),
                ("edge", models.BinaryField(default=b"")),
                ("last_slot", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Chain",
            fields=[
                ("pk", models.CompositePrimaryKey("subject", "audience", blank=True, editable=False, primary_key=True, serialize=False)),
                ("unit", models.CharField(max_length=32)),
                ("subject", models.CharField(max_length=200)),
                ("audience", models.CharField(max_length=100)),
                ("n", models.BigIntegerField()),
                ("last", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("unit", models.CharField(max_length=32)),
                ("slotted", models.BooleanField()),
                ("kind", models.CharField(max_length=65)),
                ("subject", models.CharField(max_length=200)),
                ("audience", models.CharField(max_length=100)),
                ("commitment", models.BinaryField(unique=True)),
                ("header", models.BinaryField()),
                ("body", models.BinaryField()),
                ("salt", models.BinaryField()),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("slotted", True)), fields=["subject"], name="pending_slotted_subject")],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("unit", models.CharField(max_length=32)),
                ("commitment", models.BinaryField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Opening",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("unit", models.CharField(max_length=32)),
                ("kind", models.CharField(max_length=65)),
                ("subject", models.CharField(max_length=200)),
                ("audience", models.CharField(max_length=100)),
                ("header", models.BinaryField()),
                ("body", models.BinaryField()),
                ("salt", models.BinaryField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["audience", "index"], name="opening_audience"),
                    models.Index(fields=["subject", "index"], name="opening_subject"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                ("pk", models.CompositePrimaryKey("level", "index", blank=True, editable=False, primary_key=True, serialize=False)),
                ("unit", models.CharField(max_length=32)),
                ("level", models.SmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("hashes", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Head",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("unit", models.CharField(max_length=32)),
                ("root", models.BinaryField()),
                ("note", models.BinaryField()),
            ],
        ),
        migrations.RunSQL(WALLS, NO_WALLS),
    ]
