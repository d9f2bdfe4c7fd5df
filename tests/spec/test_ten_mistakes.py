"""A folder with ten different mistakes: all ten are told at once, each at its line and column."""

from reconciler.connectors.catalogue import catalogue_files
from reconciler.spec.load import load
from reconciler.spec.report import render_text

FILES = {
    "specs/acme/connection.yaml": b"""\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-erp}
spec:
  connector: trytom
  config: {base_url: "http://{{ vars.erp_hots }}:8000", database: acme}
  auth: {method: password, username: {env: ERP_USER}, password: {env: ERP_PASSWORD}}
""",
    "specs/beta/connection.yaml": b"""\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: beta-erp}
spec:
  connector: tryton
  config: {base_url: "http://127.0.0.1:8000", database: beta}
  auth: {method: password, username: {env: ERP_USER}, password: hunter2-hunter2}
  history: 4000d
  histroy: 90d
""",
    "specs/acme/mapping.yaml": b"""\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: orders}
spec:
  connection: beta-erq
  entity: purchase-orders
  fields:
    titel: {from: description}
    status: {from: "state[", values: {draft: draft}}
""",
    "specs/acme/schedule.yaml": b"""\
apiVersion: reconciler/v1
kind: SyncSchedule
metadata: {name: nightly}
spec:
  connection: beta-erp
  cron: "0 0 30 2 *"
  suspend: no
""",
    "specs/environment.yaml": b"""\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec:
  default: true
  vars: {erp_host: 127.0.0.1}
""",
    "specs/broken.yaml": b"""\
apiVersion: reconciler/v1
kind: [Connection
""",
}

EXPECTED = {
    ("R201", "specs/acme/connection.yaml", 5, 14),  # no connector of that name
    ("R122", "specs/acme/connection.yaml", 6, 33),  # a variable that is not there
    ("R106", "specs/beta/connection.yaml", 8, 12),  # out of range
    ("R101", "specs/beta/connection.yaml", 9, 3),  # an unknown key
    ("R402", "specs/beta/connection.yaml", 7, 65),  # a literal secret
    ("R201", "specs/acme/mapping.yaml", 5, 15),  # a reference that leads nowhere
    ("R104", "specs/acme/mapping.yaml", 8, 5),  # a field that the unified model does not have
    ("R120", "specs/acme/mapping.yaml", 9, 27),  # an expression that ends too soon
    ("R123", "specs/acme/schedule.yaml", 6, 9),  # a cron that never comes
    ("R014", "specs/acme/schedule.yaml", 7, 12),  # a word that YAML readers take for false
    ("R004", "specs/broken.yaml", 3, 1),  # no YAML
}


def test_all_mistakes_are_told_at_their_line_and_column() -> None:
    loaded = load(FILES, catalogue=catalogue_files())
    found = {
        (one.code, one.origin.file, one.origin.line, one.origin.column) for one in loaded.errors
    }
    assert found == EXPECTED


def test_the_report_shows_each_line_and_offers_what_was_meant_and_no_secret() -> None:
    text = render_text(load(FILES, catalogue=catalogue_files()).problems)
    for meant in ("'tryton'", "'erp_host'", "'history'", "'title'"):
        assert f"did you mean {meant}" in text
    assert "hunter2" not in text
    assert f"{len(EXPECTED)} errors" in text
