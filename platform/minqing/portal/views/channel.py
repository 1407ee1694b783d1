"""Not built yet."""
from minqing.portal.views.answers import problem


def doors(request, **_):
    return problem(request, 503, '.')


def write(request, **_):
    return problem(request, 503, '.')


def look(request, **_):
    return problem(request, 503, '.')


def send(request, **_):
    return problem(request, 503, '.')


def wrongdoing(request, **_):
    return problem(request, 503, '.')
