"""Fixtures that every test may use."""

from typing import Any

import pytest
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def staff(db: None) -> Any:
    return make_user("nora")


@pytest.fixture
def staff_client(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client
