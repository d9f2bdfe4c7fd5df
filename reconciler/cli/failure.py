"""What a person sees when something cannot be done: what, why, what next; never a trace."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import typer

from reconciler.errors import ReconcilerError, SpecInvalid

T = TypeVar("T")


def go(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end; end the program with exit code 1 and a clear message if it cannot be done."""
    try:
        return asyncio.run(work)
    except ReconcilerError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        raise typer.Exit(130) from None


def fail(error: ReconcilerError) -> NoReturn:
    """Print *error* to standard error, with what to do next, and end with exit code 1."""
    if isinstance(error, SpecInvalid):
        from reconciler.spec.report import render_text  # noqa: PLC0415  only for broken specs

        sys.stderr.write(render_text(error.problems, color=colored(sys.stderr)) + "\n")
    else:
        sys.stderr.write(f"error {error.code} {error.message}\n")
    if error.hint:
        sys.stderr.write(f"      {error.hint}\n")
    raise typer.Exit(1) from error


def colored(stream: Any) -> bool:
    """Whether *stream* is a terminal, and nobody asked for no colour (https://no-color.org)."""
    import os  # noqa: PLC0415

    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")
