"""A setting, a command or a link that the documentation does not know fails here."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from minqing.config.environment import Environment, EnvironmentFault

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
OURS = ("minqing.", "tenants", "sync", "search")


def test_every_setting_is_documented():
    source = (ROOT / "platform" / "minqing" / "config" / "environment.py").read_text()
    named = set(
        re.findall(r'"((?:MINQING|ELASTICSEARCH)_[A-Z_]+|DATABASE_URL|CELERY_BROKER_URL)"', source)
    )
    assert len(named) >= len(dataclasses.fields(Environment))
    assert sorted(name for name in named if f"`{name}`" not in OPERATIONS) == []


def test_every_documented_setting_exists():
    source = (ROOT / "platform" / "minqing" / "config" / "environment.py").read_text()
    assert (
        sorted(
            name
            for name in re.findall(r"^\| `([A-Z_]+)`", OPERATIONS, re.MULTILINE)
            if name not in source
        )
        == []
    )


def test_every_command_is_documented():
    ours = [name for name, app in get_commands().items() if str(app).startswith(OURS)]
    assert "unit" in ours
    spelled = {name: {name, name.replace("_", "-")} for name in ours}
    missing = [n for n in ours if not any(f"`minqing {s}" in OPERATIONS for s in spelled[n])]
    assert sorted(missing) == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"MINQING_SLOT_SECONDS": "0"}, "MINQING_SLOT_SECONDS"),
        ({"MINQING_SLOT_SECONDS": "１２"}, "whole number"),
        ({"MINQING_DEMO": "perhaps"}, "write 1 or 0"),
        ({"DATABASE_URL": "mysql://x"}, "PostgreSQL only"),
        ({"ELASTICSEARCH_COMPAT": "solr"}, "elasticsearch or opensearch"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(variables, sentence):
    with pytest.raises(EnvironmentFault, match=sentence):
        Environment.from_variables(variables)
