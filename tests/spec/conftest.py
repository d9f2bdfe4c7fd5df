"""A small unified model, a connector, and loading with both."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.spec.load import Loaded, load

TRYTON = b"""\
apiVersion: reconciler/v1
kind: Connector
metadata: {name: tryton}
spec:
  title: Tryton
  family: erp
  protocol: jsonrpc
  dialect: tryton
  config:
    base_url: {type: url, required: true}
    database: {required: true}
    page_size: {type: integer, minimum: 1, maximum: 1000, default: 200}
    verify: {type: boolean, default: true}
    language: {choices: [en, de]}
    licence: {secret: true}
  auth:
    password:
      type: session
      fields:
        username: {required: true}
        password: {required: true, secret: true}
      login: {method: POST, call: common.db.login, body: ["{{ auth.username }}", "{{ auth.password }}"]}
      send: {Authorization: "Session {{ login.token }}"}
    token: {type: bearer, fields: {token: {required: true, secret: true}}}
  probe: {method: POST, call: model.res.user.get_preferences}
  streams:
    purchase-orders:
      request: {method: POST, call: model.purchase.purchase.search_read}
      cursor: {value: write_date}
      fields:
        number: {from: number}
        status: {from: state, values: {draft: draft, done: closed}, unknown: other}
    vendors: {request: {call: model.party.party.search_read}}
    materials: {request: {call: model.product.product.search_read}}
"""


def _field(name: str, kind: FieldType, **more: Any) -> Field:
    return Field(name, kind, name, **more)


def _entity(name: str, fields: list[Field]) -> Entity:
    by_name = MappingProxyType({field.name: field for field in fields})
    return Entity(name, name[:-1], name[:2], name, name, by_name)


LINES = MappingProxyType(
    {"sku": _field("sku", FieldType.STRING), "quantity": _field("quantity", FieldType.DECIMAL)}
)
STATUS = ("draft", "pending_approval", "sent", "closed", "other")
ENTITIES: Mapping[str, Entity] = {
    "purchase-orders": _entity(
        "purchase-orders",
        [
            _field("number", FieldType.STRING),
            _field("status", FieldType.ENUM, enum=STATUS),
            _field("status_raw", FieldType.STRING),
            _field("total_gross", FieldType.DECIMAL),
            _field("notes", FieldType.STRING),
            _field("vendor_id", FieldType.REFERENCE, reference="vendors"),
            _field("lines", FieldType.LIST, items=LINES),
        ],
    ),
    "vendors": _entity("vendors", [_field("name", FieldType.STRING)]),
    "materials": _entity("materials", [_field("code", FieldType.STRING)]),
    "assets": _entity("assets", [_field("code", FieldType.STRING)]),
}

ENVIRONMENT = b"""\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec: {vars: {erp_host: localhost, region: eu}}
"""

CONNECTION = b"""\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-erp, labels: {customer: acme, plant: a}}
spec:
  connector: tryton
  config: {base_url: "http://erp.example.com", database: acme}
  auth: {method: password, username: {env: ACME_USER}, password: {env: ACME_PASSWORD}}
"""


def load_files(files: Mapping[str, bytes | str], **options: Any) -> Loaded:
    """Load *files* with the small model and the connector."""
    contents = {name: t.encode() if isinstance(t, str) else t for name, t in files.items()}
    return load(contents, catalogue={"tryton.yaml": TRYTON}, entities=ENTITIES, **options)


@pytest.fixture(name="load_files")
def _load_files() -> Any:
    return load_files
