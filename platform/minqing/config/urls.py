"""Addresses of the deployment; every unit serves the same ones under its own host name."""

from __future__ import annotations

from django.urls import include, path

from minqing.config import health

handler500 = "minqing.config.outage.failed"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", include("sync.urls")),
    path("desk/", include("minqing.desk.urls")),
    path("api/v1/", include("minqing.portal.api_urls")),
    path("", include("minqing.portal.urls")),
]
