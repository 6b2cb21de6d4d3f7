"""The people of the demo's office, who share one published password."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.utils.translation import gettext as _

PASSWORD = "earshot-demo"  # noqa: S105 - printed on the login page


class DemoLogin(NamedTuple):
    """A way in for somebody who tries the product."""

    role: str
    username: str
    password: str


def make_users() -> tuple[int, int]:
    """Create who is missing of nora, priya and admin; answers the ids of the first two."""
    users = get_user_model().objects
    # Hashing is slow on purpose: the three share one.
    password = make_password(PASSWORD)
    people: dict[str, dict[str, Any]] = {
        "nora": {"first_name": "Nora", "last_name": "Whitfield"},
        "priya": {"first_name": "Priya", "last_name": "Nair"},
        "admin": {"first_name": "Admin", "is_staff": True, "is_superuser": True},
    }
    ids = [
        users.get_or_create(username=name, defaults={**fields, "password": password})[0].pk
        for name, fields in people.items()
    ]
    return ids[0], ids[1]


def demo_logins() -> list[DemoLogin]:
    """The log-ins that work here, or none: in production, without demo data, or where the passwords were changed."""
    if not (settings.EMBEDDED or settings.DEBUG):
        return []
    roles = {"nora": _("office"), "priya": _("manager"), "admin": _("administrator")}
    known = dict(
        get_user_model().objects.filter(username__in=roles, is_active=True).values_list("username", "password")
    )
    return [DemoLogin(role, name, PASSWORD) for name, role in roles.items() if name in known and _is_demo(known[name])]


@lru_cache(maxsize=8)
def _is_demo(encoded: str) -> bool:
    """Whether a stored hash is that of the published password; checked once, as it takes half a second."""
    return check_password(PASSWORD, encoded)
