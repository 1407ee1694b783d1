"""Engines behind one interface; which one serves is the operator's choice (``ELASTICSEARCH_URL``)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from search.backends.base import SearchBackend


def backend() -> SearchBackend:
    """Return this process's engine."""
    if settings.MINQING.elasticsearch_url:
        return _elastic(settings.MINQING.elasticsearch_url, settings.MINQING.elasticsearch_compat)
    return _embedded(settings.STATE / "search")


@functools.cache
def _embedded(root: Path) -> SearchBackend:
    return _engine("search.backends.embedded.EmbeddedBackend")(root)


@functools.cache
def _elastic(url: str, compat: str) -> SearchBackend:
    return _engine("search.backends.elastic.ElasticBackend")(url, compat=compat)


def _engine(name: str) -> Callable[..., SearchBackend]:
    """Import an engine when it is chosen: the other one's client would cost every process a second at its start."""
    found: Callable[..., SearchBackend] = import_string(name)
    return found
