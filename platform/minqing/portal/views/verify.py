"""Not built yet."""
from minqing.portal.views.answers import problem


def page(request, **_):
    return problem(request, 503, '.')


def offline(request, **_):
    return problem(request, 503, '.')
