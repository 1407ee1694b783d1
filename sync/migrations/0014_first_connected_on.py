from django.db import migrations, models
from django.db.models.functions import Greatest


def from_the_acceptances(apps, _):
    """Of connections made before, the day is the later of the two acceptances that the row still tells."""
    peers = apps.get_model("sync", "Peer").objects
    both = peers.exclude(accepted_here=None).exclude(accepted_there=None)
    both.update(first_connected_on=Greatest("accepted_here", "accepted_there"))


class Migration(migrations.Migration):
    dependencies = [("sync", "0013_received_of_cases")]

    operations = [
        migrations.AddField(
            model_name="peer",
            name="first_connected_on",
            field=models.DateField(null=True),
        ),
        migrations.RunPython(from_the_acceptances, migrations.RunPython.noop),
    ]
