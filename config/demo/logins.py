"""The people of the demo's office, who share one published password."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group

from crm.roles import OfficeRole

PASSWORD = "earshot-demo"  # noqa: S105 - printed on the login page
ROLES = {"nora": OfficeRole.STAFF, "priya": OfficeRole.MANAGER, "admin": OfficeRole.ADMINISTRATOR}


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
        "admin": {"first_name": "Admin"},
    }
    made = {
        name: users.get_or_create(username=name, defaults={**fields, "password": password})
        for name, fields in people.items()
    }
    for name, (user, is_new) in made.items():
        if is_new:
            user.groups.add(Group.objects.get(name=ROLES[name]))
    return made["nora"][0].pk, made["priya"][0].pk


def demo_logins() -> list[DemoLogin]:
    """The log-ins that work here, or none: in production, without demo data, or where the passwords were changed."""
    if not (settings.EMBEDDED or settings.DEBUG):
        return []
    known = dict(
        get_user_model().objects.filter(username__in=ROLES, is_active=True).values_list("username", "password")
    )
    working = [name for name in ROLES if name in known and _is_demo(known[name])]
    return [DemoLogin(str(ROLES[name].label), name, PASSWORD) for name in working]


@lru_cache(maxsize=8)
def _is_demo(encoded: str) -> bool:
    """Whether a stored hash is that of the published password; checked once, as it takes half a second."""
    return check_password(PASSWORD, encoded)
