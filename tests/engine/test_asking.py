"""What a customer is asked for, and what they are told when it does not work."""

from typing import Any

import pytest

from reconciler.engine.asking import Field, asks
from reconciler.engine.troubles import WORDS, Trouble, trouble_of
from reconciler.errors import (
    AccountLocked,
    Forbidden,
    NotTheProduct,
    Obstacle,
    RateLimited,
    ReconcilerError,
    Revoked,
    SecondFactorAsked,
    SecretMissing,
    ServerFault,
    Unauthorized,
    Unreachable,
    WrongAddress,
)
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource

ASKED = {"connect": True}
MANIFEST: dict[str, Any] = {
    "config": {
        "base_url": {"type": "url", "required": True, "description": "Where it is"},
        "port": {"type": "integer", "default": 443, "minimum": 1, "maximum": 65535},
        "language": {"choices": ["en", "de"], "label": "Your language"},
        "archive": {"type": "boolean", "default": True},
    },
    "auth": {
        "password": {
            "type": "basic",
            "fields": {"username": {"required": True}, "password": {"secret": True}},
        },
        "sap": {"type": "odata_csrf", "base": {"type": "bearer", "fields": {"token": {}}}},
    },
}


def asked(config: dict[str, Any], auth: dict[str, Any] | None) -> tuple[Field, ...]:
    spec = {"connector": "small", "config": config, **({"auth": auth} if auth else {})}
    return asks(resource(Kind.CONNECTION, spec), resource(Kind.CONNECTOR, MANIFEST))


def resource(kind: Kind, spec: dict[str, Any]) -> Resource:
    return make_resource(ResourceKey(kind, "x"), {"spec": spec})


def test_only_what_is_left_to_the_customer_is_asked_a_user_before_a_password() -> None:
    auth = {"method": "password", "password": ASKED, "username": ASKED}
    assert asked({"base_url": "https://erp.example", "port": {"env": "PORT"}}, auth) == (
        Field("auth.username", "Username"),
        Field("auth.password", "Password", secret=True),
    )
    assert asked({"base_url": "https://erp.example"}, None) == ()


def test_a_field_tells_all_that_a_form_needs() -> None:
    config = dict.fromkeys(["language", "base_url", "port", "archive"], ASKED)
    assert asked(config, None) == (
        Field("config.base_url", "Base url", "Where it is", "url"),
        Field("config.language", "Your language", choices=("en", "de")),
        Field("config.archive", "Archive", "", "boolean", required=False, default="true"),
        Field(
            "config.port",
            "Port",
            "",
            "integer",
            required=False,
            default="443",
            minimum=1,
            maximum=65535,
        ),
    )


def test_a_certificate_may_be_asked_for_with_any_method_and_below_another_one() -> None:
    auth = {"method": "sap", "token": ASKED, "ca": ASKED, "client_key": ASKED}
    fields = {field.place: field for field in asked({}, auth)}
    assert sorted(fields) == ["auth.ca", "auth.client_key", "auth.token"]
    assert (fields["auth.ca"].type, fields["auth.ca"].secret) == ("text", False)
    assert fields["auth.client_key"].secret


def test_what_the_manifest_does_not_know_is_asked_for_as_a_secret() -> None:
    assert asked({"odd": ASKED}, None) == (Field("config.odd", "Odd", secret=True),)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unauthorized("x"), Trouble.WRONG_CREDENTIALS),
        (Revoked("x"), Trouble.CONSENT_GONE),
        (AccountLocked("x"), Trouble.ACCOUNT_LOCKED),
        (SecondFactorAsked("x"), Trouble.SECOND_FACTOR),
        (Forbidden("x"), Trouble.NO_PERMISSION),
        (WrongAddress("x"), Trouble.WRONG_ADDRESS),
        (NotTheProduct("x"), Trouble.NOT_THE_PRODUCT),
        (ServerFault("x"), Trouble.OTHER),
        (RateLimited("x"), Trouble.BUSY),
        (SecretMissing("x"), Trouble.NOT_CONSENTED),
        (Unreachable("x"), Trouble.NETWORK),
        (Unreachable("x", obstacle=Obstacle.NAME), Trouble.UNKNOWN_HOST),
        (Unreachable("x", obstacle=Obstacle.CERTIFICATE), Trouble.CERTIFICATE),
    ],
)
def test_errors_are_told_apart(error: ReconcilerError, expected: Trouble) -> None:
    assert trouble_of(error) is expected


def test_every_obstacle_is_a_trouble_of_its_own_and_every_trouble_has_words() -> None:
    troubles = {trouble_of(Unreachable("x", obstacle=one)) for one in Obstacle}
    assert len(troubles) == len(Obstacle)
    assert set(WORDS) == set(Trouble)
