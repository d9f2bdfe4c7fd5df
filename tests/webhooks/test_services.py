"""Ready bodies have the shapes and sizes that the services document, and nothing in them is markup."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.event import EventType
from reconciler.spec.ready import NEED_KEY
from reconciler.spec.ready import READY as NAMES
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.services import READY, discord, opsgenie, pagerduty, slack, teams
from tests.webhooks.told import message

NEWS = message(EventType.RESOURCE_CREATED)
BAD = message(reason="CREDENTIALS_REJECTED", message="401 <b>& so on</b>")
WELL = message(EventType.CONNECTION_REAUTHORIZED)
TEXT = (
    "2026-11-24T12:00:00Z Connection/acme-erp: the credentials are refused\n"
    "  reason: CREDENTIALS_REJECTED\n"
    "  message: 401 <b>& so on</b>"
)
KEY = "uid/ReconcilerCredentials/Connection/acme-erp"


def body(name: str, told: Message, key: str = "") -> Any:
    posted = READY[name](told, key)
    assert posted is not None
    return json.loads(posted.body)


def test_specs_name_the_services_that_there_are() -> None:
    assert set(NAMES) == set(READY)
    assert set(READY) >= NEED_KEY


def test_slack_gets_text_and_a_coloured_attachment_of_blocks() -> None:
    assert body("slack", BAD) == {
        "text": "Critical: Connection/acme-erp: the credentials are refused",
        "attachments": [
            {
                "color": "#8b0000",
                "blocks": [
                    {
                        "type": "header",
                        "text": {
                            "type": "plain_text",
                            "text": "Critical: Connection/acme-erp: the credentials are refused",
                        },
                    },
                    {
                        "type": "section",
                        "text": {
                            "type": "mrkdwn",
                            "text": TEXT.replace("&", "&amp;")
                            .replace("<", "&lt;")
                            .replace(">", "&gt;"),
                        },
                    },
                ],
            }
        ],
    }
    over = body("slack", WELL)
    assert over["text"].startswith("Resolved: ")
    assert over["attachments"][0]["color"] == slack.WELL


def test_teams_gets_an_adaptive_card_without_markdown() -> None:
    got = body("teams", BAD)
    assert got["type"] == "message"
    (attachment,) = got["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"] == [
        {
            "type": "RichTextBlock",
            "inlines": [
                {
                    "type": "TextRun",
                    "text": "Critical: Connection/acme-erp: the credentials are refused",
                    "color": "attention",
                    "weight": "bolder",
                    "size": "large",
                }
            ],
        },
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": TEXT}]},
    ]


def test_discord_gets_an_embed_that_mentions_nobody() -> None:
    assert body("discord", BAD) == {
        "embeds": [
            {
                "title": "Critical: Connection/acme-erp: the credentials are refused",
                "description": TEXT.replace("_", "\\_").replace("<", "\\<").replace(">", "\\>"),
                "color": 0x8B0000,
                "timestamp": "2026-11-24T12:00:00.250000Z",
            }
        ],
        "allowed_mentions": {"parse": []},
    }
    assert body("discord", WELL)["embeds"][0]["color"] == discord.WELL


def test_pagerduty_triggers_and_resolves_under_one_key() -> None:
    assert body("pagerduty", BAD, "R" * 32) == {
        "routing_key": "R" * 32,
        "event_action": "trigger",
        "dedup_key": KEY,
        "client": "reconciler",
        "payload": {
            "summary": "Connection/acme-erp: the credentials are refused",
            "source": "Connection/acme-erp",
            "severity": "critical",
            "timestamp": "2026-11-24T12:00:00.250000Z",
            "class": "connection.auth_required",
            "custom_details": {
                "text": TEXT,
                "events": [
                    {
                        "id": "evt_0",
                        "type": "connection.auth_required",
                        "subject": "Connection/acme-erp",
                        "facts": {
                            "reason": "CREDENTIALS_REJECTED",
                            "message": "401 <b>& so on</b>",
                        },
                    }
                ],
            },
        },
    }
    assert body("pagerduty", WELL, "R" * 32) == {
        "routing_key": "R" * 32,
        "event_action": "resolve",
        "dedup_key": KEY,
    }


@pytest.mark.parametrize("severity", ["info", "warning", "error", "critical"])
def test_each_severity_is_one_that_pagerduty_knows(severity: str) -> None:
    kinds = {
        "info": EventType.RESOURCE_CREATED,
        "warning": EventType.DRIFT_DETECTED,
        "error": EventType.SYNC_FAILED,
        "critical": EventType.CONNECTION_AUTH_REQUIRED,
    }
    told = replace(message(kinds[severity]), status=Status.FIRING)
    assert body("pagerduty", told)["payload"]["severity"] == severity


def test_opsgenie_creates_an_alert_and_closes_it_by_its_alias() -> None:
    posted = READY["opsgenie"](BAD, "KEY")
    assert posted is not None
    assert posted.headers == {"authorization": "GenieKey KEY"}
    assert posted.below == ""
    assert json.loads(posted.body) == {
        "message": "Connection/acme-erp: the credentials are refused",
        "alias": KEY,
        "description": TEXT,
        "priority": "P1",
        "source": "reconciler",
        "entity": "Connection/acme-erp",
        "tags": ["connection.auth_required", "critical"],
        "details": {"reason": "CREDENTIALS_REJECTED", "message": "401 <b>& so on</b>"},
    }
    closed = READY["opsgenie"](WELL, "KEY")
    assert closed is not None
    alias = KEY.replace("/", "%2F")
    assert closed.below == f"/{alias}/close?identifierType=alias"
    assert json.loads(closed.body)["source"] == "reconciler"


@pytest.mark.parametrize("name", sorted(NEED_KEY))
def test_what_begins_and_ends_nothing_wakes_nobody(name: str) -> None:
    assert READY[name](NEWS, "KEY") is None


@pytest.mark.parametrize("name", sorted(set(READY) - NEED_KEY))
def test_news_is_told_in_chats(name: str) -> None:
    assert READY[name](NEWS, "") is not None


long_texts = st.text(st.characters(codec="utf-8"), max_size=300).map(lambda text: text * 60)


@given(title=long_texts, text=long_texts, key=long_texts)
def test_no_field_is_longer_than_the_service_takes(title: str, text: str, key: str) -> None:
    told = replace(BAD, title=title, text=text, key=key)
    (embed,) = body("discord", told)["embeds"]
    assert len(embed["title"]) <= 256
    assert len(embed["description"]) <= 4096
    header, section = body("slack", told)["attachments"][0]["blocks"]
    assert len(header["text"]["text"]) <= 150
    assert 1 <= len(section["text"]["text"]) <= 3000
    page = body("pagerduty", told)
    assert len(page["payload"]["summary"]) <= 1024
    assert len(page["dedup_key"]) <= 255
    alert = body("opsgenie", told)
    assert len(alert["message"]) <= 130
    assert len(alert["alias"]) <= 512
    assert len(alert["description"]) <= 15_000
    card = READY["teams"](told, "")
    assert card is not None
    assert len(card.body) <= 28 * 1024


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_a_system_said_is_no_markup(text: str) -> None:
    told = replace(BAD, title=text, text=text)
    shown = body("slack", told)
    assert not {"<", ">"} & set(
        shown["text"] + shown["attachments"][0]["blocks"][1]["text"]["text"]
    )
    (embed,) = body("discord", told)["embeds"]
    bare = embed["description"].replace("\\\\", "")
    for mark in "*_~`|[]()#":
        assert bare.count(mark) == bare.count("\\" + mark)


@pytest.mark.parametrize(
    "colours", [slack.COLOURS, teams.COLOURS, discord.COLOURS, opsgenie.PRIORITIES], ids=repr
)
def test_every_severity_has_its_look(colours: Mapping[Any, Any]) -> None:
    assert {severity.value for severity in colours} == {"info", "warning", "error", "critical"}


def test_details_are_held_to_what_opsgenie_takes() -> None:
    many: dict[str, Any] = {f"fact_{number}": "x" * 500 for number in range(20)}
    details = body("opsgenie", message(**many))["details"]
    assert details
    assert sum(len(name) + len(text) for name, text in details.items()) <= 8000


def test_a_key_that_is_too_long_is_another_short_one() -> None:
    one, two = (replace(BAD, key=letter * 300) for letter in "ab")
    keys = {body("pagerduty", told)["dedup_key"] for told in (one, two, one)}
    assert len(keys) == 2
    assert pagerduty.posted(one, "")
