"""django-tenants' PostgreSQL backend that takes a lease on the embedded server first."""

from __future__ import annotations

from typing import Any

import psycopg2
from django.conf import settings
from django_tenants.postgresql_backend import base

from minqing.config import postgres


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # untyped upstream
    """Open connections to the named server, or to the embedded one, started when first needed."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open one connection; a server that was killed is started again."""
        cluster: postgres.Cluster | None = settings.MINQING_CLUSTER
        if cluster is None:
            return super().get_new_connection(conn_params)
        conn_params = {**conn_params, "host": str(postgres.lease(cluster))}
        try:
            return super().get_new_connection(conn_params)
        except psycopg2.OperationalError:
            postgres.bring_up(cluster)
            return super().get_new_connection(conn_params)
