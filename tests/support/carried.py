"""Two units whose only way to each other is a disc, and what people do to discs."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command

from sync import identity
from sync.models import Following
from sync.transports import parcels
from tenants.current import unit_context


def origin_of(unit):
    """Return a unit's origin."""
    with unit_context(unit):
        return identity.origin()


def carry(verb, folder, *arguments):
    """Run `minqing carry`; return what it said, with what it complained of, and whether it failed."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("carry", verb, str(folder), *arguments, stdout=out, stderr=err)
    except CommandError as fault:
        return out.getvalue() + err.getvalue() + str(fault), True
    return out.getvalue() + err.getvalue(), False


def carry_out(unit, other, folder, *arguments):
    """Write a disc of one unit's for another."""
    return carry("out", folder, "--to", origin_of(other), "--unit", unit.code, *arguments)


def standing(unit, other):
    """Return how far a unit is with another's log: mirrored, applied."""
    theirs = origin_of(other)
    with unit_context(unit):
        following = Following.objects.get(peer__origin=theirs)
        return following.mirrored, following.applied


def parcel_of(path):
    """Return the first parcel of a file."""
    with path.open("rb") as stream:
        return parcels.read(stream)
