"""Not built yet."""
from minqing.portal.views.answers import problem


def feed(request, **_):
    return problem(request, 503, '.')


def sitemap(request, **_):
    return problem(request, 503, '.')


def robots(request, **_):
    return problem(request, 503, '.')
