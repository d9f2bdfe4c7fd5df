"""One example a kind, as people write it: for the JSON Schema and the reference. All of them load."""

from typing import Final

EXAMPLES: Final = {
    "Connection": """\
apiVersion: reconciler/v1
kind: Connection
metadata:
  name: acme-erp
  labels: {customer: acme, plant: a}
spec:
  connector: tryton
  config: {base_url: "http://{{ vars.erp_host }}:8000", database: acme}
  auth: {method: password, username: {env: ACME_ERP_USER}, password: {env: ACME_ERP_PASSWORD}}
  entities: [purchase-orders, vendors, materials]
  history: 365d
  deletions: {strategy: sweep, every: 24h, brake: 10%}
  health: {every: 5m, strikes: 2}
  drift: report
  deletionPolicy: retain
  protect: true
""",
    "Mapping": """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: acme-erp-purchase-orders}
spec:
  connection: acme-erp
  entity: purchase-orders
  fields:
    status: {from: state, values: {quotation: pending_approval, processing: sent, done: closed}, unknown: other}
    total_gross: {from: total_amount, type: decimal}
  customFields:
    cost_center: {from: "lines[0].account.code", type: string}
    is_rush: {template: "{{ source.comment is search('RUSH') }}", type: boolean}
  tests:
    - name: a quotation waits for approval
      source: {state: quotation, total_amount: "12.50"}
      expect: {status: pending_approval, total_gross: "12.50"}
""",
    "SyncSchedule": """\
apiVersion: reconciler/v1
kind: SyncSchedule
metadata: {name: acme-erp-15min}
spec:
  connection: acme-erp
  entities: [purchase-orders]
  every: 15m
  jitter: 60s
  mode: incremental
  full: {every: 7d}
  catchUp: once
  windows: [{deny: "0 22 * * 5", for: 8h, timeZone: Europe/Amsterdam}]
""",
    "AlertRoute": """\
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: ops}
spec:
  match: {events: ["connection.*", "drift.*", sync.failed], labels: {customer: acme}, severity: warning}
  to: {webhook: {url: "https://hooks.example.com/in", secret: {env: HOOK_SECRET}}}
  for: 2m
  group: {by: [connection], wait: 30s, interval: 5m, repeat: 24h}
  sendResolved: true
""",
    "ConnectionSet": """\
apiVersion: reconciler/v1
kind: ConnectionSet
metadata: {name: customers}
spec:
  items:
    - {id: beta, database: beta}
    - {id: gamma, database: gamma_2}
  template:
    metadata: {name: "{{ item.id }}-erp", labels: {customer: "{{ item.id }}"}}
    spec:
      connector: tryton
      config: {base_url: "http://{{ vars.erp_host }}:8000", database: "{{ item.database }}"}
      auth:
        method: password
        username: {env: "{{ item.id | upper }}_ERP_USER"}
        password: {env: "{{ item.id | upper }}_ERP_PASSWORD"}
    schedules:
      - metadata: {name: "{{ item.id }}-hourly"}
        spec: {every: 1h}
""",
    "Environment": """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: dev}
spec:
  default: true
  vars: {erp_host: localhost, region: eu}
  patches:
    - target: {kind: Connection, selector: {matchLabels: {customer: acme}}}
      spec: {history: 30d, protect: false}
""",
    "Expectation": """\
apiVersion: reconciler/v1
kind: Expectation
metadata: {name: sent-orders-arrive}
spec:
  given: {connection: acme-erp, entity: purchase-orders, where: {status: sent, total_gross: {gte: 1000}}}
  expect:
    connection: beta-erp
    match: {number: number}
    compare: {total_gross: {to: total_gross, tolerance: 1%}}
  within: 30m
  severity: warning
""",
    "Override": """\
apiVersion: reconciler/v1
kind: Override
metadata: {name: acme-stocktaking}
spec:
  target: {kind: SyncSchedule, name: acme-erp-15min}
  until: "2026-12-31T18:00:00Z"
  reason: the ERP is slow while stock is counted
  by: ops@example.com
  patch: {every: 2h}
""",
    "Connector": """\
apiVersion: reconciler/v1
kind: Connector
metadata: {name: acme-cmms}
spec:
  title: The CMMS of Acme
  family: cmms
  protocol: http-json
  config: {base_url: {type: url, required: true}}
  auth: {key: {type: api_key, header: X-Api-Key, fields: {key: {required: true, secret: true}}}}
  probe: {path: /api/me}
  rateLimit: {requests: 5, per: 1s}
  streams:
    vendors:
      request: {path: /api/vendors, query: {limit: "{{ page.size }}", offset: "{{ page.offset }}"}}
      since: {modified_after: "{{ since }}"}
      records: items
      primaryKey: id
      paging: {type: offset, size: 100}
      cursor: {value: modified_at, lookback: 10m}
      fields: {name: {from: title}}
""",
}
