"""Ready bodies of webhooks: those that a route may name, and what each of them needs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.mapping.template import is_template
from reconciler.spec.finding import Finding, Way, meant

READY: Final = ("discord", "opsgenie", "pagerduty", "slack", "teams")
"""Services whose form a webhook can take."""

NEED_KEY: Final = frozenset({"opsgenie", "pagerduty"})
"""Those that know us by a key, and not by the address alone."""


def ready_templates(webhook: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the template of a route's webhook, if it is one by name."""
    name = webhook.get("template")
    if name is None or is_template(name):
        return
    path: Way = ("spec", "to", "webhook", "template")
    if name not in READY:
        hint = (
            meant(name, READY) or f"known: {', '.join(READY)}; or write a template with {{{{ … }}}}"
        )
        yield Finding("R105", path, f"no ready template is called '{name}'", hint)
    elif name in NEED_KEY and webhook.get("key") is None:
        yield Finding("R102", path, f"'{name}' needs the key 'key'", "write key: {env: NAME}")
