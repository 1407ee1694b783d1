from django.db import migrations

import minqing.channel.models.closed
from minqing.channel.models.closed import closed


def close(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT id, contact FROM channel_case WHERE contact <> ''")
        for case, contact in cursor.fetchall():
            cursor.execute(
                "UPDATE channel_case SET contact = %s WHERE id = %s", [closed(contact), case]
            )


class Migration(migrations.Migration):
    dependencies = [("channel", "0006_kept_copies")]

    operations = [
        migrations.AlterField(
            model_name="case",
            name="contact",
            field=minqing.channel.models.closed.ClosedText(blank=True, verbose_name="联系方式"),
        ),
        migrations.RunPython(close, migrations.RunPython.noop),
    ]
