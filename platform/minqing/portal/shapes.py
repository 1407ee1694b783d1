"""The shapes of the public API: a whitelist per field, so that a new field of a value is not public by accident."""

from __future__ import annotations

from rest_framework import serializers as s


class Shape(s.Serializer):  # type: ignore[type-arg]  # read only: there is no model behind it
    """A read-only shape."""


class Post(Shape):
    """One post; months are ``YYYYMM``, an empty one is an open end."""

    unit_name = s.CharField()
    title = s.CharField()
    duties = s.CharField()
    from_month = s.CharField()
    to_month = s.CharField()


class Official(Shape):
    """An official's public facts, with the record that says so."""

    public_id = s.UUIDField()
    origin = s.CharField()
    unit_code = s.CharField()
    home_name = s.CharField()
    name = s.CharField()
    unit_name = s.CharField()
    title = s.CharField()
    duties = s.CharField()
    telephone = s.CharField()
    posts = Post(many=True)
    commitment = s.CharField()
    day = s.DateField()


class Entry(Shape):
    """One entry as its newest public version shows it."""

    public_id = s.UUIDField()
    origin = s.CharField()
    unit_code = s.CharField()
    home_name = s.CharField()
    official_id = s.UUIDField(allow_null=True)
    official_name = s.CharField()
    unit_name = s.CharField()
    source = s.CharField()  # type: ignore[assignment]  # a field of that name, not the attribute
    source_label = s.CharField()
    source_unit = s.CharField()
    day = s.DateField()
    title = s.CharField()
    text = s.CharField()
    negative = s.BooleanField()
    expires_on = s.DateField(allow_null=True)
    version = s.IntegerField()
    reason = s.CharField()
    published_on = s.DateField()
    first_published_on = s.DateField()
    commitment = s.CharField()


class Reply(Shape):
    """The official's own statement."""

    text = s.CharField()
    day = s.DateField()
    commitment = s.CharField()


class HistoryLine(Shape):
    """One line of an entry's public history."""

    version = s.IntegerField()
    kind = s.CharField()
    day = s.DateField()
    reason = s.CharField()
    title = s.CharField()
    text = s.CharField()
    commitment = s.CharField()


class EntryPage(Shape):
    """An entry with history and statements; ``entry`` is null once withdrawn or expired."""

    public_id = s.UUIDField()
    origin = s.CharField()
    entry = Entry(allow_null=True)
    withdrawn = s.BooleanField()
    expired = s.BooleanField()
    erased = s.BooleanField()
    reason = s.CharField()
    history = HistoryLine(many=True)
    replies = Reply(many=True)


class EntryWithReplies(Shape):
    """An entry and the statements beside it."""

    entry = Entry()
    replies = Reply(many=True)


class HandoverLine(Shape):
    """One change of home; ``closed`` and ``taken`` are the records that prove it."""

    giver = s.CharField()
    taker = s.CharField()
    day = s.DateField(allow_null=True)
    superior = s.CharField()
    closed = s.CharField()
    taken = s.CharField()
    records = s.IntegerField()
    agrees = s.BooleanField(allow_null=True)


class Custody(Shape):
    """Where an official's archive is kept, how it came there, and whether that is contested."""

    home = s.CharField()
    home_origin = s.CharField()
    contested = s.CharField()
    settled = s.CharField()
    notices = s.ListField(child=s.CharField())
    lines = HandoverLine(many=True)


class OfficialPage(Shape):
    """An official and what was public on a day."""

    official = Official()
    custody = Custody(allow_null=True)
    as_of = s.DateField()
    entries = EntryWithReplies(many=True)


class UnitSummary(Shape):
    """A unit whose archives are here."""

    code = s.CharField()
    origin = s.CharField()
    name = s.CharField()
    is_own = s.BooleanField()
    officials = s.IntegerField()
    entries = s.IntegerField()


class UnitPart(Shape):
    """A township or department and how many officials are published there."""

    name = s.CharField()
    officials = s.IntegerField()


class Unit(Shape):
    """A unit, its officials and its newest entries."""

    unit = UnitSummary()
    part = s.CharField()
    parts = UnitPart(many=True)
    officials = Official(many=True)
    entries = Entry(many=True)


class Hit(Shape):
    """One result; absent values are empty text."""

    id = s.CharField()
    kind = s.CharField()
    title = s.CharField()
    unit_code = s.CharField()
    unit = s.CharField()
    source = s.CharField()  # type: ignore[assignment]  # a field of that name, not the attribute
    day = s.CharField()
    address = s.CharField()
    origin = s.CharField()
    commitment = s.CharField()
    excerpt = s.CharField()


class FacetValue(Shape):
    """A facet's value and how many results it would have if it were chosen too."""

    value = s.CharField()
    label = s.CharField()  # type: ignore[assignment]  # a field of that name, not the attribute
    count = s.IntegerField()
    chosen = s.BooleanField()


class Found(Shape):
    """A page of results."""

    total = s.IntegerField()
    page = s.IntegerField()
    pages = s.IntegerField()
    ready = s.BooleanField()
    version = s.CharField()
    did_you_mean = s.ListField(child=s.CharField())
    results = Hit(many=True)
    facets = s.DictField(child=FacetValue(many=True))


class Countersigned(Shape):
    """A witness under a head: the name of its key, for whom it counts, which units run with it."""

    witness = s.CharField()
    operator = s.CharField()
    units = s.ListField(child=s.CharField())


class Peer(Shape):
    """A connected unit. ``lag`` is how many of its records are not taken in yet."""

    origin = s.CharField()
    code = s.CharField()
    name = s.CharField()
    operator = s.CharField()
    fingerprint = s.CharField()
    state = s.CharField()
    size = s.IntegerField()
    applied = s.IntegerField()
    lag = s.IntegerField()
    last_success_day = s.DateField(allow_null=True)
    witnesses = s.ListField(child=s.CharField())
    countersigned = Countersigned(many=True)
    frozen = s.BooleanField()
