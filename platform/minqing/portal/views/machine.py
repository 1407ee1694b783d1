"""For machines: the feed of recent entries, the map of the site, what robots may read."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from minqing.archives.selectors import officials_of_unit, recent_entries, units_with_archives
from minqing.portal.stand import public_version
from minqing.portal.views.answers import kept
from tenants.current import current_unit

if TYPE_CHECKING:
    from django.http import HttpRequest

FEED_ENTRIES = 50
MAP_ENTRIES = 10_000


@require_safe
@kept(public_version)
def feed(request: HttpRequest) -> HttpResponse:
    """Recent entries as Atom. Days only: a clock time would tell nothing that matters."""
    here = request.build_absolute_uri
    atom = Atom1Feed(
        title=current_unit().site_title,
        link=here(reverse("portal:home")),
        description=_("最近公开"),
        feed_url=here(reverse("portal:feed")),
        language="en" if get_language() == "en" else "zh-Hans",
    )
    for entry in recent_entries(limit=FEED_ENTRIES):
        address = here(reverse("portal:entry", args=[entry.public_id]))
        atom.add_item(
            title=entry.title,
            link=address,
            unique_id=f"urn:uuid:{entry.public_id}",
            description=entry.text,
            author_name=entry.home_name,
            categories=[entry.source_label],
            pubdate=_midnight(entry.first_published_on),
            updateddate=_midnight(entry.published_on),
        )
    return HttpResponse(
        atom.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8"
    )


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), tzinfo=datetime.UTC)


@require_safe
@kept(public_version)
def sitemap(request: HttpRequest) -> HttpResponse:
    """Addresses of everything public; the channel's pages are not listed."""
    names = ("home", "search", "about", "accessibility", "connected", "verify")
    units = units_with_archives()
    paths = [
        *(reverse(f"portal:{name}") for name in names),
        *(reverse("portal:unit", args=[unit.code]) for unit in units),
        *(
            reverse("portal:official", args=[one.public_id])
            for unit in units
            for one in officials_of_unit(unit.code)
        ),
        *(
            reverse("portal:entry", args=[entry.public_id])
            for entry in recent_entries(limit=MAP_ENTRIES)
        ),
    ]
    addresses = [request.build_absolute_uri(path) for path in paths]
    return render(
        request,
        "portal/sitemap.xml",
        {"addresses": addresses},
        content_type="application/xml; charset=utf-8",
    )


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Public pages may be read; the channel and the desk are nobody's index."""
    closed = [reverse("portal:doors"), reverse("portal:follow"), reverse("desk:queue")]
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in closed),
        f"Sitemap: {request.build_absolute_uri(reverse('portal:sitemap'))}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
