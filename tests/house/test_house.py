"""The house itself: what packaging and structure must never do."""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import minqing

ROOT = Path(__file__).resolve().parents[2]


def test_platform_is_the_standard_library():
    assert Path(platform.__file__).parent == Path(sysconfig.get_path("stdlib"))


def test_platform_folder_and_tests_hold_no_package_marker():
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_models_and_migrations_agree():
    done = subprocess.run(
        [sys.executable, "-m", "minqing", "makemigrations", "--check", "--dry-run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_make_target_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text()
    readme = (ROOT / "README.md").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert f"\n{target}:" in makefile


def test_the_version_is_told_in_one_way():
    # The run-time environment holds no package metadata: code asks `minqing.__version__`.
    assert f'version = "{minqing.__version__}"' in (ROOT / "pyproject.toml").read_text()
    sources = [
        path
        for folder in ("platform", "tenants", "sync", "search")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(sources) > 100
    assert [path.name for path in sources if 'version("minqing")' in path.read_text()] == []
