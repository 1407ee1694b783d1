from django.db import migrations, models
from django.db.models import F, Q


def stands_from_the_day_it_bears(apps, _):
    """Nothing is known of older notices but the day that they bear."""
    apps.get_model("sync", "Reassignment").objects.update(stands_from=F("noticed_on"))


def try_all_once_more(apps, _):
    """What was rejected before does not say which subject it waits for: it is tried once, and says it then."""
    apps.get_model("sync", "Following").objects.update(kinds_tried="")


class Migration(migrations.Migration):
    dependencies = [("sync", "0014_first_connected_on")]

    operations = [
        migrations.AddField("quarantine", "about", models.CharField(max_length=120, blank=True, default="")),
        migrations.AddIndex(
            "quarantine", models.Index(fields=["about"], condition=~Q(about=""), name="quarantine_about")
        ),
        migrations.AddField("custody", "settled_on", models.DateField(null=True)),
        migrations.AddField("custody", "settled_for", models.CharField(max_length=80, blank=True, default="")),
        migrations.AddField("custody", "settled_why", models.CharField(max_length=400, blank=True, default="")),
        migrations.AddField("handover", "agrees", models.BooleanField(null=True)),
        migrations.AddField("reassignment", "late_known", models.PositiveIntegerField(default=0)),
        migrations.AddField("reassignment", "stands_from", models.DateField(null=True)),
        migrations.RunPython(stands_from_the_day_it_bears, migrations.RunPython.noop),
        migrations.RunPython(try_all_once_more, migrations.RunPython.noop),
    ]
