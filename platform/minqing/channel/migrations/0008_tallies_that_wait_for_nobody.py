from django.db import migrations, models

import minqing.channel.models.tally

# A unit's tables were cloned from the base unit's, and PostgreSQL names a cloned table's constraints itself.
DROP_UNIQUE = """
DO $$ DECLARE named text; BEGIN
    FOR named IN SELECT conname FROM pg_constraint WHERE conrelid = 'channel_tally'::regclass AND contype = 'u' LOOP
        EXECUTE format('ALTER TABLE channel_tally DROP CONSTRAINT %I', named);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("channel", "0007_closed_contacts")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DROP_UNIQUE, migrations.RunSQL.noop)],
            state_operations=[
                migrations.RemoveConstraint(model_name="tally", name="tally_once_per_day")
            ],
        ),
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
