"""A disk that is full: the kernel takes part of a write from this process, then none."""

from __future__ import annotations

import resource
from contextlib import contextmanager


@contextmanager
def no_file_longer_than(octets):
    """Have every file of this process end there; what is opened meanwhile should be the files of the test only."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
