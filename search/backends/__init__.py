"""Engines behind one interface; which one serves is the operator's choice (``ELASTICSEARCH_URL``)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from search.backends.elastic import ElasticBackend
from search.backends.embedded import EmbeddedBackend

if TYPE_CHECKING:
    from search.backends.base import SearchBackend


def backend() -> SearchBackend:
    """Return this process's engine."""
    if settings.MINQING.elasticsearch_url:
        return _elastic(settings.MINQING.elasticsearch_url, settings.MINQING.elasticsearch_compat)
    return _embedded(Path(settings.STATE) / "search")


@functools.cache
def _embedded(root: Path) -> EmbeddedBackend:
    return EmbeddedBackend(root)


@functools.cache
def _elastic(url: str, compat: str) -> ElasticBackend:
    return ElasticBackend(url, compat=compat)
