"""No request, command, cache or file of one unit reads another's."""

from __future__ import annotations

import io
from unittest import mock

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection

from minqing.accounts.models import Staff
from sync.models import Pending
from tenants import middleware
from tenants.current import current_unit, unit_context
from tenants.errors import NoCurrentUnit
from tenants.models import Domain


def test_rows_of_one_unit_are_not_seen_in_another(county, neighbour):
    with unit_context(county):
        Staff.objects.create(username="wsl", name="王示例")
    with unit_context(neighbour):
        assert not Staff.objects.filter(username="wsl").exists()
    with unit_context(county):
        assert Staff.objects.filter(username="wsl").exists()


def test_the_host_name_decides_the_unit_and_an_unknown_one_gets_404(county, visit, client):
    assert client.get("/", headers={"host": "nobody.localhost"}).status_code == 404
    visit(county).get("/")
    assert connection.schema_name == "public"


def test_a_process_serves_a_host_as_it_was_for_some_seconds_and_one_thread_reads_it_again(
    county, neighbour, visit, django_assert_num_queries, monkeypatch
):
    clock, host = mock.Mock(), county.host
    clock.monotonic.return_value = 1000.0
    monkeypatch.setattr(middleware, "time", clock)
    middleware._domains_of(host)
    with django_assert_num_queries(0):
        assert middleware._domains_of(host)[host].tenant == county
    Domain.objects.filter(domain=host).update(tenant=neighbour)
    assert middleware._domains_of(host)[host].tenant == county
    clock.monotonic.return_value += middleware.DOMAIN_SECONDS
    with middleware._reading, django_assert_num_queries(0):  # another thread reads
        assert middleware._domains_of(host)[host].tenant == county
    assert middleware._domains_of(host)[host].tenant == neighbour
    Domain.objects.filter(domain=host).delete()
    clock.monotonic.return_value += middleware.DOMAIN_SECONDS
    assert visit(county).get("/").status_code == 404
    Domain.objects.create(domain=host, tenant=county, is_primary=True)
    assert middleware._domains_of(host)[host].tenant == county


def test_an_address_with_nul_is_refused_before_anything_looks_it_up(county, visit):
    for path in ("/%00", "/%00/x", "/units/%00/", "/api/v1/units/%00"):
        assert visit(county).get(path).status_code == 400


def test_without_a_unit_nothing_is_current(db):
    with pytest.raises(NoCurrentUnit):
        current_unit()


def test_cache_entries_are_kept_apart(county, neighbour):
    with unit_context(county):
        cache.set("head", "ours")
    with unit_context(neighbour):
        assert cache.get("head") is None


def test_files_are_kept_apart(county, neighbour):
    with unit_context(county):
        name = default_storage.save("photo.txt", ContentFile(b"x"))
        assert default_storage.exists(name)
    with unit_context(neighbour):
        assert not default_storage.exists(name)
    with pytest.raises(NoCurrentUnit):
        default_storage.open(name)


def test_a_command_for_one_unit_neither_writes_nor_shows_anything_of_another(county, neighbour):
    made = ("staff", "create", "wsl", "王示例", "--role", "clerk", "--unit")
    call_command(*made, county.code, stdout=io.StringIO())
    said = io.StringIO()
    call_command("staff", "list", "--unit", neighbour.code, stdout=said)
    assert "王示例" not in said.getvalue()
    with unit_context(neighbour):
        assert not Staff.objects.exists()
        assert not Pending.objects.filter(kind="accounts.staff").exists()


def test_committed_rows_live_in_a_database_of_their_own(fresh_database, county):
    with unit_context(county):
        Staff.objects.create(username="wsl", name="王示例")
    assert fresh_database == connection.settings_dict["NAME"]
