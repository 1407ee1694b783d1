"""Addresses of the public pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from minqing.portal.views import (
    archive,
    channel,
    follow,
    machine,
    pages,
    papers,
    preferences,
    sealed,
    verify,
)

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "portal"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.home, name="home"),
    path("about/", pages.about, name="about"),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path("connected/", pages.connected, name="connected"),
    path("preferences", preferences.preferences, name="preferences"),
    path("search/", archive.search_page, name="search"),
    path("search.csv", archive.search_csv, name="search_csv"),
    path("search.json", archive.search_json, name="search_json"),
    path("suggest", archive.suggest_list, name="suggest"),
    path("officials/<uuid:public_id>/", archive.official, name="official"),
    path(
        "officials/<uuid:public_id>/handover/<str:record>",
        papers.handover_proof,
        name="handover_proof",
    ),
    path("entries/<uuid:public_id>/", archive.entry, name="entry"),
    path("entries/<uuid:public_id>/proof", papers.entry_proof, name="entry_proof"),
    path("units/<str:code>/", archive.unit, name="unit"),
    path("report/", channel.doors, name="doors"),
    path("report/write", channel.write, name="write"),
    path("report/look", channel.look, name="look"),
    path("report/send", channel.send, name="send"),
    path("report/wrongdoing", channel.wrongdoing, name="wrongdoing"),
    path("report/sealed", sealed.sealed, name="sealed"),
    path("follow/", follow.case, name="follow"),
    path("follow/say", follow.say, name="say"),
    path("follow/rate", follow.rate_answer, name="rate"),
    path("follow/press", follow.press, name="press"),
    path("follow/escalate", follow.escalate, name="escalate"),
    path("follow/code", follow.change_code, name="change_code"),
    path("follow/acknowledgement", papers.acknowledgement, name="acknowledgement"),
    path("follow/proof", papers.proof, name="proof"),
    path("follow/photo", papers.photo, name="photo"),
    path("verify/", verify.page, name="verify"),
    path("verify/offline", verify.offline, name="verify_offline"),
    path("feed.atom", machine.feed, name="feed"),
    path("sitemap.xml", machine.sitemap, name="sitemap"),
    path("robots.txt", machine.robots, name="robots"),
]
