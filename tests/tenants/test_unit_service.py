"""Making units: the tree, names with dates, host names, refusals that leave nothing behind."""

from __future__ import annotations

import datetime
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tenants.current import unit_by_code, unit_context, units
from tenants.errors import UnitFault
from tenants.models import Domain, UnitName
from tenants.services import unit_create, unit_provision
from tenants.tasks import unit_task


def schemas():
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'unit_%'")
        return {row[0] for row in cursor.fetchall()}


def run(*arguments):
    out = io.StringIO()
    call_command("unit", *arguments, stdout=out)
    return out.getvalue()


def test_a_township_is_made_below_its_county_and_shown(county):
    run(
        "create",
        "430522106",
        "坪上镇",
        "--level",
        "township",
        "--host",
        "Pingshang.localhost",
        "--parent",
        "430522",
    )
    assert "坪上镇  pingshang.localhost" in run("list")
    assert "parent     430522" in run("show", "430522106")
    assert unit_by_code("430522106").parent == county


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"code": "430522"}, "exists already"),
        ({"code": "新邵"}, "ASCII letters"),
        ({"code": "base"}, "ASCII letters"),
        ({"name": "  "}, "needs a name"),
        ({"level": "village"}, "not known"),
        ({"host": "xinshao.localhost"}, "belongs to another unit"),
        ({"host": ""}, "needs a host name"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused_and_nothing_is_left(county, change, sentence):
    before = schemas()
    values = {
        "code": "430522199",
        "name": "演示镇",
        "level": "township",
        "host": "demo.localhost",
        "parent": county,
    }
    with pytest.raises(UnitFault, match=sentence):
        unit_create(**{**values, **change})
    assert schemas() == before
    assert not UnitName.objects.filter(name="演示镇").exists()


def test_a_township_cannot_stand_above_a_county(county):
    township = unit_create(
        code="430522106", name="坪上镇", level="township", host="pingshang.localhost", parent=county
    )
    with pytest.raises(UnitFault, match="cannot stand above"):
        unit_create(
            code="430599", name="演示县", level="county", host="other.localhost", parent=township
        )


def test_a_provisioner_that_fails_leaves_no_half_made_unit(county, monkeypatch):
    def fail(unit):
        raise OSError("disk full")

    monkeypatch.setattr("tenants.services._provisioners", [(1, "fail", fail)])
    before = schemas()
    with pytest.raises(OSError, match="disk full"):
        unit_create(
            code="430522106",
            name="坪上镇",
            level="township",
            host="pingshang.localhost",
            parent=county,
        )
    assert schemas() == before
    with pytest.raises(UnitFault, match="No unit here"):
        unit_by_code("430522106")


def test_provisioning_again_changes_nothing(county):
    unit_provision(county)
    unit_provision(county)
    assert [unit.code for unit in units()] == ["430500", "430522", "430524"]


def test_names_are_valid_from_to(county):
    township = unit_create(
        code="430522111",
        name="太芝庙镇",
        level="township",
        host="taizhimiao.localhost",
        parent=county,
    )
    township.names.update(valid_from=datetime.date(2016, 4, 1))
    UnitName.objects.create(unit=township, name="太芝庙乡", valid_to=datetime.date(2016, 3, 31))
    assert township.name == "太芝庙镇"
    assert township.name_on(datetime.date(2013, 6, 1)) == "太芝庙乡"
    assert township.name_on(datetime.date(2016, 4, 1)) == "太芝庙镇"


def test_a_wrong_command_says_what_to_do(county):
    with pytest.raises(CommandError, match="unit list"):
        run("show", "999999")


def test_a_unit_mounted_below_another_site_serves_under_the_prefix(county, client):
    Domain.objects.create(tenant=county, domain="www.example.localhost/mq", is_primary=False)
    assert client.get("/mq/", headers={"host": "www.example.localhost"}).status_code == 200
    page = client.get("/mq/", headers={"host": "www.example.localhost"}).content.decode()
    assert 'href="/mq/' in page
    assert client.get("/", headers={"host": "www.example.localhost"}).status_code == 404


def test_units_under_one_host_do_not_get_each_others_cookies(county, neighbour, client):
    Domain.objects.create(tenant=county, domain="www.example.localhost/mq", is_primary=False)
    Domain.objects.create(tenant=neighbour, domain="www.example.localhost", is_primary=False)
    headers = {"host": "www.example.localhost"}
    wish = {"language": "en", "next": "/"}
    below = client.post("/mq/preferences", wish, headers=headers)
    above = client.post("/preferences", wish, headers=headers)
    assert below.cookies["language"]["path"] == "/mq/"
    assert above.cookies["language"]["path"] == "/"
    both = {**headers, "cookie": "language=en; size=large; language=zh-hans"}
    assert '<html lang="en"' in client.get("/mq/", headers=both).content.decode()


def test_a_task_runs_inside_the_unit_it_names_and_ends_quietly_for_one_that_is_gone(
    county, neighbour
):
    seen = []

    @unit_task("tests.note")
    def note(word):
        seen.append((connection.schema_name, word))

    note(neighbour.schema_name, "a")
    note("unit_gone", "b")
    with unit_context(county):
        note(neighbour.schema_name, "c")
        assert connection.schema_name == county.schema_name
    assert seen == [(neighbour.schema_name, "a"), (neighbour.schema_name, "c")]
