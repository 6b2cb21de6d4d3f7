"""What pages read from their address, and write into the next."""

from urllib.parse import urlencode

from django.http import HttpRequest


def number_of(request: HttpRequest, name: str) -> int:
    """A number of the address; what is none counts as 0."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def query(**values: object) -> str:
    """The query of a link; what is empty is left out."""
    return "?" + urlencode({name: value for name, value in values.items() if value})
