"""A plan as a comment on a pull request."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.model.change import Block, Drifted, DriftPolicy, FieldDrift, Plan, State
from reconciler.model.resource import Origin, Resource
from reconciler.plan.planner import make_plan
from reconciler.plan.render.markdown import LONGEST_COMMENT, render_markdown, sticky_marker
from tests.fakes import NOON
from tests.plan.builders import connection, resource, state
from tests.plan.test_text import BEFORE, REVISION, WANTED

ACME = connection("acme")
EVIL = (
    "``` \n```\n</details>\n@everyone <img src=x onerror=alert(1)> --> `@team` "
    "[x](https://evil.example) ~~~ <!-- | ![p](https://evil.example/p.png)"
)


def tokens(text: str) -> list[Token]:
    """Return what a Markdown reader makes of *text*: blocks, and the parts of their lines."""
    found = MarkdownIt("commonmark", {"html": True}).parse(text)
    return [one for token in found for one in (token, *(token.children or ()))]


def prose(text: str) -> str:
    """Return all of *text* that is no code, as a reader would show it or obey it; not its marker."""
    code = {"fence", "code_inline", "inline"}
    marker, *rest = [one.content for one in tokens(text) if one.type not in code and one.content]
    assert marker.startswith("<!-- reconciler-plan:")
    assert marker.endswith(" -->\n")
    assert marker.count(">") == 1
    return "\n".join(rest)


def test_a_plan_begins_with_its_marker_its_counts_and_a_line_an_object() -> None:
    plan = make_plan(WANTED, BEFORE, revision=REVISION)
    shown = render_markdown(plan, environment="prod", notes={ACME.key: ["1,204 records change"]})
    assert shown.startswith(
        "<!-- reconciler-plan:prod:specs -->\n"
        "### Plan for `prod`: 1 to create, 2 to update, 1 to replace, 1 to rename\n"
        "\n"
        "`specs` at `9f31c0a`, generation 41 → 42. 1 unchanged, 1 unmanaged.\n"
        "\n"
        "```diff\n"
        "! ~  Connection/acme  specs/acme.yaml:1  spec.auth.password, spec.history"
        "  [recheck, resync]\n"
        "!     1,204 records change\n"
        "- -/+  Connection/line  specs/line.yaml:1  spec.connector cannot be changed in place; "
        "spec.deletionPolicy  [recheck, remap, resync]\n"
        "!     the sync cursors of purchase-orders, vendors are lost; "
        "the next sync of each is a full read of the last 90d\n"
    )
    assert "\n+  Connection/new  specs/new.yaml:1\n" in shown
    assert "\n! →  SyncSchedule/15min  specs/15min.yaml:1  renamed from every-15\n" in shown
    assert "\n  x  Connection/old-wms  no longer in specs; pruning is off" in shown
    assert shown.endswith("\nNext: `reconciler apply specs --env prod` brings it into force.\n")


def test_the_fields_are_folded_with_a_line_for_each_value_in_the_colour_of_its_sign() -> None:
    shown = render_markdown(make_plan(WANTED, BEFORE))
    assert (
        "<details><summary><code>~ Connection/acme</code> 2 fields</summary>\n"
        "\n"
        "```diff\n"
        "- spec.auth.password: {env: ACME_PASSWORD}\n"
        '+ spec.auth.password: {file: "/run/a"}\n'
        "- spec.history: 90d\n"
        "+ spec.history: 365d\n"
        "```\n"
        "\n"
        "</details>\n"
    ) in shown
    assert (
        "<code>+ Connection/new</code></summary>\n\n```diff\n+ auth: {method: password, " in shown
    )


def test_a_plan_without_changes_says_so() -> None:
    shown = render_markdown(make_plan([ACME], state(ACME)))
    assert shown == (
        "<!-- reconciler-plan::specs -->\n"
        "### Plan: no changes\n\n"
        "`specs`, generation 41. 1 unchanged.\n\n"
        "Nothing is to be done.\n"
    )


def test_what_blocks_is_told_first_with_what_to_do_about_it() -> None:
    block = Block(ACME.key, "protected", "it is protected", "take protect out first")
    plan = replace(make_plan([connection("acme", history="1d")], state(ACME)), blocks=(block,))
    shown = render_markdown(plan)
    assert (
        "**Blocked: nothing can be applied as it stands.**\n\n```text\n"
        "Connection/acme: protected: it is protected\n"
        "    take protect out first\n```\n"
    ) in shown
    assert shown.index("protected") < shown.index("! ~  Connection/acme")
    assert shown.endswith("Next: do what each block asks for, then plan again.\n")


def test_what_a_block_leaves_can_be_applied() -> None:
    block = Block(ACME.key, "protected", "it is protected", "take protect out first")
    wanted = [connection("acme", history="1d"), connection("new")]
    shown = render_markdown(replace(make_plan(wanted, state(ACME)), blocks=(block,)))
    assert "**Blocked: 1 of 2 changes; the others can be applied.**" in shown
    assert shown.endswith(
        "Next: `reconciler apply specs` brings the rest into force; for the blocked, "
        "do what each block asks for, then plan again.\n"
    )


def drifted(value: str = "1d", actor: str = "api:jane") -> Drifted:
    field = FieldDrift(("spec", "history"), "90d", value, actor, NOON)
    return Drifted(ACME.key, DriftPolicy.REPORT, (field,))


def test_drift_has_a_line_and_its_fields_and_is_told_apart_from_changes() -> None:
    plan = replace(make_plan([ACME], state(ACME)), drifts=(drifted(),))
    shown = render_markdown(plan)
    assert "### Plan: no changes\n\n`specs`, generation 41. 1 unchanged, 1 drifted.\n" in shown
    assert (
        "! !  Connection/acme  changed outside of git by api:jane: spec.history; "
        "not touched by this plan\n"
    ) in shown
    assert (
        "<details><summary>drift of <code>Connection/acme</code></summary>\n\n```diff\n"
        "! spec.history: 90d -> 1d   by api:jane at 2026-11-24T12:00:00Z\n```\n"
    ) in shown
    assert "put it back: `reconciler apply specs --heal`.\n" in shown


def test_a_partial_plan_says_so() -> None:
    shown = render_markdown(replace(make_plan([ACME], State()), left_out=3))
    assert "**Partial**: 3 more would change outside of its scope." in shown


def test_the_marker_is_one_comment_whatever_the_names() -> None:
    assert sticky_marker("prod", "specs/a b") == "<!-- reconciler-plan:prod:specs/a%20b -->"
    evil = sticky_marker("--> @all", "x-->\n<b>")
    assert evil.count("-->") == 1
    assert "\n" not in evil
    assert len({sticky_marker("a:b", "c"), sticky_marker("a", "b:c")}) == 2
    assert sticky_marker("a" * 999, "b") != sticky_marker("a" * 999, "c")
    assert len(sticky_marker("a" * 999, "b")) < 300


def evil_plan(text: str) -> Plan:
    """A plan with *text* wherever a spec, a note or a name of a file may bring it in."""
    one = replace(
        connection("acme", history=text, config={text: text}), origin=Origin(f"{text}.yaml", 1)
    )
    new = resource("Mapping/m", {"connection": "acme", text: [text, {"a": text}]})
    block = Block(one.key, "protected", text, text)
    plan = make_plan([one, new], state(ACME), revision=text)
    return replace(plan, blocks=(block,), drifts=(drifted(text, text),))


@pytest.mark.parametrize("text", [EVIL, "`" * 9, "~~~\n@a", "\x1b[2J\u202e@a", "<b>@a", "@a"])
def test_nothing_from_specs_leaves_its_code(text: str) -> None:
    shown = render_markdown(evil_plan(text), environment=text, path=text, notes={ACME.key: [text]})
    read = prose(shown)
    assert "@" not in read
    assert "evil" not in read
    assert "<img" not in read
    assert "<b>" not in read
    assert read.count("<details>") == read.count("</details>") == 3
    html = [one.content for one in tokens(shown) if one.type == "html_inline"]
    assert html == []
    assert all(line.isprintable() for line in shown.split("\n"))


@given(
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=30),
    text=st.text(st.characters(codec="utf-8"), max_size=6) | st.just("`"),
    limit=st.integers(4_000, LONGEST_COMMENT),
    blocked=st.integers(0, 40),
)
@settings(max_examples=60, deadline=None)
def test_it_is_never_longer_than_a_comment_may_be_and_always_has_its_counts(
    sizes: list[int], text: str, limit: int, blocked: int
) -> None:
    resources = [
        connection(f"c{number}", history=text * size, config={text: [text] * (size % 50)})
        for number, size in enumerate(sizes)
    ]
    plan = make_plan(resources, state())
    blocks = tuple(
        Block(resources[n % len(sizes)].key, "x", text * 50, text * 500) for n in range(blocked)
    )
    shown = render_markdown(
        replace(plan, blocks=blocks, revision=text * 40, drifts=(drifted(text * 99),) * blocked),
        environment=text * 500,
        path=text * 500,
        notes={resources[0].key: [text * 400] * blocked},
        limit=limit,
    )
    assert len(shown) <= limit
    assert f"{len(sizes):,} to create" in shown
    read = prose(shown)
    assert read.count("<details>") == read.count("</details>")


def many(count: int) -> list[Resource]:
    return [connection(f"c{number:05}", entities=["x" * 40] * 20) for number in range(count)]


def test_of_many_objects_the_first_are_shown_in_full_and_the_rest_is_counted() -> None:
    shown = render_markdown(make_plan(many(600), state()))
    assert LONGEST_COMMENT * 0.9 < len(shown) <= LONGEST_COMMENT
    assert shown.count("\n+  Connection/") == 600
    folded = shown.count("<details>")
    assert 0 < folded < 600
    assert f"The fields of {600 - folded} more objects are left out." in shown


def test_of_very_many_objects_the_list_is_cut_too() -> None:
    shown = render_markdown(make_plan(many(5_000), state()))
    listed = shown.count("\n+  Connection/")
    assert "### Plan: 5,000 to create\n" in shown
    assert 1_000 < listed < 5_000
    assert f"… and {5_000 - listed:,} more lines\n" in shown


def test_one_object_of_great_size_is_cut_and_the_others_are_not() -> None:
    great = resource("Mapping/great", {"fields": {f"f{n}": "x" * 50 for n in range(5_000)}})
    shown = render_markdown(make_plan([great, *many(10)], state()))
    assert shown.count("<details>") == 11
    assert shown.count(" more lines\n") == 1
    assert "left out" not in shown
