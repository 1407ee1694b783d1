"""Not built yet."""
from minqing.portal.views.answers import problem


def search_page(request, **_):
    return problem(request, 503, '.')


def search_csv(request, **_):
    return problem(request, 503, '.')


def search_json(request, **_):
    return problem(request, 503, '.')


def suggest_list(request, **_):
    return problem(request, 503, '.')


def official(request, **_):
    return problem(request, 503, '.')


def entry(request, **_):
    return problem(request, 503, '.')


def entry_proof(request, **_):
    return problem(request, 503, '.')


def unit(request, **_):
    return problem(request, 503, '.')
