"""Ready bodies of webhooks: one module a service, each a pure function from a message to what is posted."""

from collections.abc import Callable, Mapping
from typing import Final

from reconciler.webhooks.message import Message
from reconciler.webhooks.posted import Posted
from reconciler.webhooks.services import discord, opsgenie, pagerduty, slack, teams

READY: Final[Mapping[str, Callable[[Message, str], Posted | None]]] = {
    "discord": discord.posted,
    "opsgenie": opsgenie.posted,
    "pagerduty": pagerduty.posted,
    "slack": slack.posted,
    "teams": teams.posted,
}
"""By the name that a route gives: from a message and the route's key to what is posted, or nothing."""
