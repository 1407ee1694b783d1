"""Addresses of the staff pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from minqing.desk.views import queue, sign_in

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "desk"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", queue.today, name="queue"),
    path("sign-in/", sign_in.enter, name="sign-in"),
    path("sign-out/", sign_in.leave, name="sign-out"),
    path("password/", sign_in.password, name="password"),
]
