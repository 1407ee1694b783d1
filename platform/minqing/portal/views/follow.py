"""Not built yet."""
from minqing.portal.views.answers import problem


def case(request, **_):
    return problem(request, 503, '.')


def say(request, **_):
    return problem(request, 503, '.')


def rate_answer(request, **_):
    return problem(request, 503, '.')


def change_code(request, **_):
    return problem(request, 503, '.')


def acknowledgement(request, **_):
    return problem(request, 503, '.')


def proof(request, **_):
    return problem(request, 503, '.')
