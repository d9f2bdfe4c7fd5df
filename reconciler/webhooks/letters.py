"""What an e-mail says: headers that hold one line each, a part in HTML and one in plain text."""

from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, select_autoescape

from reconciler.errors import Invalid
from reconciler.webhooks.channel import Letter
from reconciler.webhooks.message import Status
from reconciler.webhooks.wording import SHOWN, facts_of, line, moment, sentence

_SUBJECT: Final = 240


def composed(letter: Letter, sender: str, to: Sequence[str], now: datetime) -> EmailMessage:
    """Return the e-mail of *letter*.

    Raises:
        Invalid: if an address is none.
    """
    message = letter.message
    origin = _address(sender, "reconciler")
    domain, name = _ascii(origin.domain), letter.route.key.name
    over = message.status is Status.RESOLVED
    word = "resolved" if over else message.severity.value
    thread = f"<{_id(message.key_within(0))}@{domain}>"
    mail = EmailMessage(SMTP)
    mail["From"] = origin
    mail["To"] = [_address(one) for one in to]
    mail["Subject"] = line(f"[{word}] {message.title}", _SUBJECT)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{_id(letter.id)}@{domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["List-Id"] = f"Alerts of the route {name} <{name}.reconciler.{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    events = [(sentence(one), moment(one.occurred_at), facts_of(one)) for one in message.events]
    told = {
        "word": word,
        "title": message.title,
        "text": message.text,
        "own": bool(letter.route.spec.get("body")),
        "events": list(reversed(events[-SHOWN:])),
        "earlier": max(len(events) - SHOWN, 0),
        "route": name,
    }
    mail.set_content(_templates().get_template("alert.txt.j2").render(told))
    mail.add_alternative(_templates().get_template("alert.html").render(told), subtype="html")
    return mail


def _address(text: str, name: str = "") -> Address:
    try:
        return Address(name, addr_spec=text)
    except (ValueError, IndexError, MessageError):
        raise Invalid(f"{text!r} is no address", hint="write name@example.com") from None


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        raise Invalid(f"{domain!r} is no domain", hint="write name@example.com") from None


def _id(text: str) -> str:
    return "".join(
        letter for letter in text if letter.isascii() and (letter.isalnum() or letter in "-_")
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("reconciler.webhooks", "templates"),
        autoescape=select_autoescape(("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
