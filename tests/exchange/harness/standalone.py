"""A template database for a run outside pytest: the public schema, the base unit, and the one unit that each copy becomes."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, connections

from minqing.config import postgres
from minqing.config.database import prepare
from tenants.models import Unit
from tenants.services import unit_create
from tests.exchange.harness.commands import TEMPLATE_CODE


def template():
    """Make it; return its name and how to reach its server."""
    prepare.prepare()
    if not Unit.objects.filter(code=TEMPLATE_CODE).exists():
        unit_create(code=TEMPLATE_CODE, name="新邵县", level="county", host="template.localhost")
    return settings.DATABASES["default"]["NAME"], server()


def server():
    """Return the parameters of a connection to the server of this run; close what would hold the template."""
    parameters = connection.get_connection_params()
    connections.close_all()
    return {"user": parameters["user"], "host": str(postgres.lease(settings.MINQING_CLUSTER))}
