"""Large text and language: the only two cookies of the public pages, set only when somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from minqing.portal.context import SIZE_COOKIE

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

YEAR = 365 * 24 * 3600


@csrf_exempt  # no ambient authority: a stranger's form could at most make somebody's text larger
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep the wish in a cookie and go back to the page it came from."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("portal:home")
    answer = HttpResponseRedirect(back)
    if request.POST.get("size") == "large":
        answer.set_cookie(SIZE_COOKIE, "large", max_age=YEAR, samesite="Lax")
    elif "size" in request.POST:
        answer.delete_cookie(SIZE_COOKIE, samesite="Lax")
    if request.POST.get("language") in dict(settings.LANGUAGES):
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, request.POST["language"], max_age=YEAR, samesite="Lax"
        )
    return answer
