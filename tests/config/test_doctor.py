"""The doctor says what does not hold, and the pages claim no more than it found."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from minqing.config import doctor
from minqing.portal.claims import claims
from sync import ledger
from tenants.current import unit_context, units

ROOT = Path(__file__).resolve().parents[2]
NGINX = (ROOT / "deploy" / "nginx" / "minqing.conf").read_text()


@pytest.fixture
def sealed(county, city, neighbour):
    for unit in units():
        with unit_context(unit):
            ledger.seal_due()


def with_proxy(monkeypatch, value):
    monkeypatch.setattr(settings, "MINQING", dataclasses.replace(settings.MINQING, proxy=value))


def found(name):
    return next(finding for finding in doctor.examine() if finding.name == name)


def test_our_own_nginx_file_keeps_no_address():
    assert doctor.proxy_faults(NGINX) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("access_log off;", "access_log /var/log/nginx/access.log;"), "access_log"),
        (("client_body_buffer_size 13m;", ""), "client_body_buffer_size 13m"),
        (("if ($lengthless) { return 411; }", ""), "lengthless"),
        (("error_log /dev/null crit;", "error_log /var/log/nginx/error.log;"), "error_log"),
        (
            ("proxy_set_header Host $http_host;", "proxy_set_header X-Real-IP $remote_addr;"),
            "address must not be passed on",
        ),
        (("access_log off;", "# access_log off;"), "access_log off"),
        (
            (
                "$http_host;",
                "$http_host;\nproxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            ),
            "address must not be passed on",
        ),
        (
            ("location / {", "location / {\nclient_max_body_size 100m;"),
            "client_max_body_size 100m; must go",
        ),
        (("location / {", "location / {\nclient_body_in_file_only on;"), "file_only on; must go"),
        (("location / {", "location / { access_log /var/log/all.log;"), "lines of its own"),
        (("access_log off;", "access_log off;\ninclude snippets/log.conf;"), "include snippets"),
    ],
)
def test_an_nginx_file_that_leaves_traces_is_named_for_it(change, fault):
    assert fault in "; ".join(doctor.proxy_faults(NGINX.replace(*change)))


def test_without_knowing_the_proxy_no_page_claims_that_addresses_are_not_kept(sealed, monkeypatch):
    with_proxy(monkeypatch, "")
    doctor.claims_write(doctor.examine())
    assert claims().no_address_kept is False
    with_proxy(monkeypatch, "none")
    assert doctor.claims_write(doctor.examine())["no_address_kept"] is True
    assert claims().no_address_kept is True


@pytest.mark.parametrize(
    "setting",
    [
        "log_statement", "log_min_error_statement", "log_min_duration_statement", "log_error_verbosity",
        "log_parameter_max_length_on_error",
    ],
)  # fmt: skip
def test_the_database_logs_no_statement_and_no_row(sealed, setting):
    assert found(f"database {setting}").held
    assert found(f"database {setting}").claim == "no_address_kept"


def test_an_address_in_a_log_takes_the_claim_away(sealed, monkeypatch):
    with_proxy(monkeypatch, "none")
    folder = settings.STATE / "logs"
    folder.mkdir(exist_ok=True)
    log = folder / "web.log"
    log.write_text("GET /report/ 203.0.113.77\n")
    try:
        finding = found("logs")
        assert not finding.held
        assert "203.0.113.77" not in finding.sentence
        assert doctor.claims_from(doctor.examine())["no_address_kept"] is False
    finally:
        log.unlink()


def test_a_missing_proxy_file_is_told(sealed, monkeypatch):
    with_proxy(monkeypatch, "/nonexistent/minqing.conf")
    assert "cannot be read" in found("proxy").sentence


def test_a_witness_that_forgot_what_it_cosigned_is_told(sealed, signer):
    assert found("signer").held
    signer.restart(forgetting=True)
    finding = found("signer")
    assert not finding.held
    assert "minqing key rotate UNIT witness" in finding.sentence


def test_keys_that_others_can_read_are_told(sealed):
    key = settings.STATE / "keys" / "loose"
    key.write_text("x")
    key.chmod(0o644)
    try:
        assert "chmod 600" in found("keys").sentence
    finally:
        key.unlink()


def test_the_tests_own_server_without_fsync_is_found_out(sealed, monkeypatch):
    with_proxy(monkeypatch, "none")
    out = io.StringIO()
    with pytest.raises(CommandError, match="need mending"):
        call_command("doctor", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["sound"] is False
    assert not next(row for row in told["findings"] if row["name"] == "database fsync")["held"]


def test_a_log_that_nobody_outside_countersigns_claims_no_witness(sealed):
    assert doctor.claims_from(doctor.examine())["outside_witness"] is False
