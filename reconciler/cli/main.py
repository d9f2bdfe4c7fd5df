"""The program ``reconciler``: its commands, and nothing else."""

import gc

import typer

from reconciler.cli import (
    access,
    adoption,
    alerts,
    ci,
    connecting,
    control,
    deliveries,
    drift,
    editing,
    ending,
    explaining,
    inspect,
    mapping,
    mapping_tests,
    pinning,
    reconciling,
    records,
    running,
    secrets,
    specs,
    starting,
    validating,
)

app = typer.Typer(
    name="reconciler",
    help="GitOps for integrations: YAML specs in git become connections to industrial systems, "
    "unified records and one API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(starting.init)
app.command()(validating.validate)
app.command()(validating.schema)
app.command()(ending.disconnect)
app.command()(ending.forget)
app.command()(editing.fmt)
app.command()(editing.migrate)
app.command()(specs.plan)
app.command()(specs.apply)
app.command()(drift.drift)
app.command()(adoption.adopt)
app.command()(adoption.export)
app.command("import")(adoption.import_)
app.command()(running.run)
app.command()(running.sync)
app.command()(connecting.connect)
app.command()(reconciling.reconcile)
app.command()(inspect.get)
app.command()(inspect.describe)
app.command()(records.records)
app.command()(explaining.explain)
app.command()(control.history)
app.command()(control.events)
app.command()(control.suspend)
app.command()(control.resume)
app.command()(control.locks)
app.command()(pinning.pin)
app.command()(pinning.rollback)
app.add_typer(access.token, name="token")
app.add_typer(deliveries.deliveries, name="deliveries")
app.add_typer(deliveries.route, name="route")
app.add_typer(alerts.alerts, name="alerts")
app.add_typer(alerts.silence, name="silence")
app.add_typer(secrets.secrets, name="secrets")
mapping.mapping.command("test")(mapping_tests.run_or_record)
app.add_typer(mapping.mapping, name="mapping")
app.add_typer(ci.ci, name="ci")
app.command()(starting.doctor)
app.command()(starting.version)


@app.command()
def demo(
    keep: bool = typer.Option(False, "--keep", help="Keep the folder it worked in."),
) -> None:
    """Show the whole story in a minute, on the built-in sandbox: plan, apply, sync, read, remap.

    Example: reconciler demo
    """
    from reconciler.cli.demo import tell  # noqa: PLC0415

    tell(keep=keep)


def main() -> None:
    """Run the program."""
    # Importing makes many objects and no garbage: looking for some costs a tenth of a short command.
    gc.set_threshold(50_000)
    app()
