"""``python -m reconciler.telemetry.docs`` rewrites ``docs/metrics.md``: the table of metrics, for people."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from reconciler.telemetry.families import LIBRARY, OURS, Family

_INTRO: Final = """\
# Metrics

`reconciler run` gives metrics for Prometheus at `GET /metrics`, on the address of the API: as text, or as OpenMetrics for who asks
for that (`Accept: application/openmetrics-text`).

| `RECONCILER_METRICS` | who may read them |
|---|---|
| `token` (default) | a token with `read:status` over all connections: the labels name your customers |
| `open` | anybody who reaches the address, under a host name that the server answers for (`RECONCILER_ALLOWED_HOSTS`) |
| `off` | nobody: nothing is counted, and the path does not exist |

```console
$ reconciler token create prometheus --scope read:status
```

```yaml
scrape_configs:
  - job_name: reconciler
    scrape_interval: 30s
    authorization: {credentials_file: /etc/prometheus/reconciler-token}
    static_configs:
      - targets: ["127.0.0.1:8080"]
```

Counters begin at 0 when the process starts. Gauges of connections, deliveries and drift are read from the store at each scrape, by as
many questions for five connections as for five thousand. While the store does not answer they are left out; with `token` the scrape
itself fails then, because tokens are kept there too.

How many series there are follows from what the specs declare. One series for each entity of each connection tells when it was last read;
all others are by connector, entity, route and such closed sets. No label holds a path, an id, a text of an error or anything of a record.

## Readiness

`GET /healthz` says that the process runs. `GET /readyz` answers 200 once all of these are `ok`, and 503 with what is wrong while they are
not; neither needs a token:

| check | is ok when |
|---|---|
| `database` | the store answers |
| `specs` | the specs were looked at since the start. Specs with errors are no reason to be taken out of service: what was in force is served |
| `lease` | this process holds the lease of the one writer |
"""

_RULES: Final = """
## Alert rules

```yaml
{rules}```
"""


def metrics_page() -> str:
    """Return the page."""
    rules = files("reconciler.telemetry").joinpath("alerts.yaml").read_text("utf-8")
    return "".join(
        (
            _INTRO,
            "\n## Of the reconciler\n\n",
            *_table(OURS),
            "\n## Of the process\n\nAs the client library names them, on Linux.\n\n",
            *_table(LIBRARY),
            _RULES.format(rules=rules),
        )
    )


def _table(families: Iterable[Family]) -> Iterator[str]:
    yield "| metric | type | labels | meaning |\n|---|---|---|---|\n"
    for family in families:
        labels = " ".join(f"`{label}`" for label in family.labels)
        yield f"| `{family.name}` | {family.shape} | {labels} | {family.meaning} |\n"


def main() -> None:
    """Write ``docs/metrics.md`` in the working folder."""
    Path("docs/metrics.md").write_text(metrics_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
