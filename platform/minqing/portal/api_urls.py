"""Addresses of the public API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from minqing.portal import api

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("search", api.SearchView.as_view(), name="search"),
    path("units", api.UnitsView.as_view(), name="units"),
    path("units/<str:code>", api.UnitView.as_view(), name="unit"),
    path("officials/<uuid:public_id>", api.OfficialView.as_view(), name="official"),
    path("entries/<uuid:public_id>", api.EntryView.as_view(), name="entry"),
    path("peers", api.PeersView.as_view(), name="peers"),
]
