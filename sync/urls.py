"""Addresses of the ledger and of the exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path, re_path

from sync.exchange import views as exchange_views
from sync.ledger import views

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

_PLACE = r"(?P<place>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"

app_name = "sync"
ledger_patterns: list[URLPattern | URLResolver] = [
    path("ledger/checkpoint", views.checkpoint, name="checkpoint"),
    re_path(rf"^ledger/tile/(?P<level>[0-9]{{1,2}})/{_PLACE}$", views.tile, name="tile"),
    re_path(rf"^ledger/tile/entries/{_PLACE}$", views.entries, name="entries"),
    path("ledger/leaves/<int:first>/<int:stop>", views.leaves, name="leaves"),
    path("ledger/openings/<int:start>", views.openings, name="openings"),
    path("ledger/policy", exchange_views.region_policy, name="region-policy"),
    path("ledger/policy/<path:origin>", exchange_views.policy, name="policy"),
]
exchange_patterns: list[URLPattern | URLResolver] = [
    path(".well-known/minqing", exchange_views.unit_document, name="unit-document"),
    path("exchange/connect", exchange_views.connect, name="connect"),
    path("exchange/accept", exchange_views.accept, name="accept"),
    path("exchange/records", exchange_views.records, name="records"),
    path("exchange/doorbell", exchange_views.bell, name="doorbell"),
    path("exchange/yours/head", exchange_views.yours_head, name="yours-head"),
    path("exchange/yours/leaves", exchange_views.yours_leaves, name="yours-leaves"),
    path("exchange/yours/records", exchange_views.yours_records, name="yours-records"),
    path("witness/add-checkpoint", exchange_views.add_checkpoint, name="add-checkpoint"),
    re_path(
        r"^witness/(?P<digest>[0-9a-f]{64})/checkpoint$", exchange_views.witnessed, name="witnessed"
    ),
]
urlpatterns: list[URLPattern | URLResolver] = [*ledger_patterns, *exchange_patterns]
