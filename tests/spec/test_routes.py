"""What a route may say of where it tells, and what is wrong with the rest."""

import re
from pathlib import Path

import pytest

from reconciler.model.resource import Kind
from reconciler.spec.load import load

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def found(text: str) -> list[tuple[str, str]]:
    """Return the codes and messages of what is wrong with *text*."""
    loaded = load({"a.yaml": text.encode()}, catalogue={})
    return [(problem.code, problem.message) for problem in loaded.problems]


def route(to: str, more: str = "") -> str:
    return (
        "apiVersion: reconciler/v1\nkind: AlertRoute\nmetadata: {name: r}\n"
        f"spec:\n  to: {to}\n{more}"
    )


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_page_are_sound(number: int) -> None:
    assert found(EXAMPLES[number]) == []


def test_the_page_shows_every_way() -> None:
    loaded = load({"a.yaml": "\n---\n".join(EXAMPLES).encode()}, catalogue={})
    routes = [one for key, one in loaded.resources.items() if key.kind is Kind.ALERT_ROUTE]
    ways = {way for one in routes for way in one.spec["to"]}
    assert ways == {"webhook", "email", "notify", "alertmanager"}


@pytest.mark.parametrize(
    "to",
    [
        "{webhook: {url: {env: U}, template: slack}}",
        "{webhook: {url: {env: U}, template: opsgenie, key: {env: K}}}",
        "{webhook: {url: {env: U}, headers: {A: {file: /x}, B: text}}}",
        '{webhook: {url: {env: U}, template: "{{ event.details.x }}", contentType: text/plain}}',
        "{email: {to: [a@b.c]}}",
        "{email: {to: [a@b.c], smtp: {host: mail, tls: tls, username: {env: USER}, password: {env: P}}}}",
        "{alertmanager: {}}",
        "{alertmanager: {url: 'https://a', labels: {site: north}, holds: 1h}}",
    ],
)
def test_these_are_sound(to: str) -> None:
    assert found(route(to)) == []


@pytest.mark.parametrize(
    ("to", "code", "why"),
    [
        ("{webhook: {url: {env: U}, template: slak}}", "R105", "'slak'"),
        ("{webhook: {url: {env: U}, template: pagerduty}}", "R102", "'key'"),
        ("{webhook: {url: {env: U}, template: '{{ source.x }}'}}", "R122", "'source'"),
        (
            "{webhook: {url: {env: U}, template: '{% for x in events %}{% endfor %}'}}",
            "R121",
            "loop",
        ),
        ("{webhook: {url: {env: U}, headers: {A: {vualt: x}}}}", "R403", "'vualt'"),
        ("{webhook: {url: {env: U}, headers: {A: 5}}}", "R103", "text"),
        ("{webhook: {url: {env: U}, key: literal}}", "R103", "reference"),
        ("{webhook: {url: {env: U}, contentType: 'a b'}}", "R105", "text/plain"),
        ("{email: {to: [a@b.c], smtp: {host: m, username: me}}}", "R107", "'password'"),
        ("{email: {to: [a@b.c], smtp: {host: m, password: p, username: me}}}", "R103", "reference"),
        (
            "{email: {to: [a@b.c], smtp: {host: m, username: me, password: {vualt: x}}}}",
            "R403",
            "'vualt'",
        ),
        ("{email: {to: [a@b.c], smtp: {host: 'm/x'}}}", "R105", "a host"),
        ("{email: {to: [a@b.c], smtp: {host: m, port: 0}}}", "R106", "1"),
        ("{email: {to: [a@b.c], smtp: {host: m, tls: sometimes}}}", "R105", "starttls"),
        ("{alertmanager: {token: {env: T}}}", "R107", "'url'"),
        ("{alertmanager: {labels: {a-b: x}}}", "R105", "Prometheus"),
    ],
)
def test_what_is_wrong_is_named(to: str, code: str, why: str) -> None:
    problems = found(route(to))
    assert [one for one, _ in problems] == [code], problems
    assert why in problems[0][1]


@pytest.mark.parametrize("key", ["title", "body"])
def test_words_start_from_what_a_message_has(key: str) -> None:
    to = "{notify: {url: {env: U}}}"
    assert found(route(to, f'  {key}: "{{{{ event.subject }}}} {{{{ count }}}}"\n')) == []
    ((code, why),) = found(route(to, f'  {key}: "{{{{ evnt.subject }}}}"\n'))
    assert (code, why) == ("R122", "'evnt' is not known here")
