"""Logs, set up once: to standard error, for people on a terminal and as JSON elsewhere."""

import logging
import sys
from typing import Any, Final

import structlog

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def set_up_yet() -> bool:
    """Return whether this process has said where its logs go."""
    return structlog.is_configured()


def set_up_logs(level: str, form: str) -> None:
    """Let everything at or above *level* go to standard error in *form* (auto, console, json).

    Locals are never part of a trace: they may hold a secret.
    """
    people = form == "console" or (form == "auto" and sys.stderr.isatty())
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for noisy in ("apscheduler", "httpx", "httpcore", "watchfiles", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
