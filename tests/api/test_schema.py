"""What the schema says holds: made-up requests find no server error and no answer that the schema does not know."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from crm.api.auth import issue_token
from crm.models import ApiKey, Family
from crm.scopes import SCOPES
from tests.factories import make_family, make_interaction, make_key

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# A few requests a door, the same ones in every run: making them costs more than answering them.
few = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
schema.app = application
PORTAL = r"/portal/(?!tokens)"
server = schema.exclude(path_regex=PORTAL).exclude(path_regex="/schema/")
portal = schema.include(path_regex=PORTAL)


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """As Django's own test client does: no request ends the connection that holds the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key(one_connection: None) -> str:
    """A house with something in it, and a key that may do everything."""
    make_interaction(make_family(ref="RB-1", portal=True), "email_sent")
    return make_key(*SCOPES)


@pytest.fixture
def token(key: str) -> str:
    """A browser of that family."""
    return issue_token(key=ApiKey.objects.get(), family=Family.objects.get(), member=None)[0]


@server.parametrize()
@few
def test_every_server_door_keeps_its_word(case: Any, key: str) -> None:
    if "ref" in (case.path_parameters or {}):
        case.path_parameters["ref"] = "RB-1"
    case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {key}"})


@portal.parametrize()
@few
def test_every_portal_door_keeps_its_word(case: Any, token: str) -> None:
    case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"})
