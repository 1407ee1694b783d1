"""Pages that show a frozen unit's things say so neutrally; nobody else's pages do."""

from __future__ import annotations

from django.core.cache import cache
from django.template import Context, Template
from django.utils import timezone

from minqing.portal.stand import public_version
from sync.models import Peer
from tenants.current import unit_context

ORIGIN = "minqing/430581/0a0b0c0d"
PAGE = Template("{% load portal %}{% frozen_notice name %}")


def test_the_notice_stands_where_the_unit_is_named_and_ends_with_the_freeze(county):
    with unit_context(county):
        peer = Peer.objects.create(
            origin=ORIGIN, code="430581", name="演示县", address="http://a.localhost"
        )
        before = public_version()
        assert PAGE.render(Context({"name": ORIGIN})).strip() == ""
        Peer.objects.filter(pk=peer.pk).update(frozen_on=timezone.localdate())
        for name in (ORIGIN, "430581"):
            page = PAGE.render(Context({"name": name}))
            assert "正在核查" in page
            assert "造假" not in page
        assert PAGE.render(Context({"name": "minqing/430500/0a0b0c0d"})).strip() == ""
        cache.clear()
        assert public_version() != before  # pages kept under the former version are made anew
        Peer.objects.filter(pk=peer.pk).update(frozen_on=None)
        assert PAGE.render(Context({"name": ORIGIN})).strip() == ""
