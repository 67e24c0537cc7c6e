"""The commands. Each reads the settings, says clearly what is wrong with them, and calls one function."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from podvigil import __version__
from podvigil.app import StartError, run
from podvigil.cli.evaluate import evaluate_command
from podvigil.cli.logs import configure
from podvigil.cli.people import commands as people
from podvigil.settings import Loaded, SettingsError, load, shown

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("evaluate")(evaluate_command)
people.add_to(app)

Mode = Annotated[
    str | None,
    typer.Option(
        help="monitoring: report and propose. remediation: repair what is approved. full: both of these. "
        "approver: approve what a monitor's rules name."
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML file with settings; else PODVIGIL_CONFIG names it.")
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(help="kubeconfig file; else KUBECONFIG, the pod's own account, or ~/.kube/config."),
]
PrometheusUrl = Annotated[str | None, typer.Option(help="Prometheus for monitors that name none.")]
ModelDirectory = Annotated[Path | None, typer.Option(help="Folder with the model's files.")]
HttpPort = Annotated[int | None, typer.Option(help="Port of health and metrics; 0 takes a free one.")]
LogLevel = Annotated[str | None, typer.Option(help="debug, info, warning or error.")]
LogFile = Annotated[Path | None, typer.Option(help="Write the log there too.")]
DryRun = Annotated[
    bool | None, typer.Option("--dry-run", help="Every write is a server-side dry run: nothing changes.")
]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
]


@app.callback()
def main(version: Version = False) -> None:
    """Podvigil reports abnormal pods, explains them, and repairs them after a person approves."""


@app.command("run")
def run_command(
    context: typer.Context,
    mode: Mode = None,
    config: ConfigFile = None,
    kubeconfig: Kubeconfig = None,
    prometheus_url: PrometheusUrl = None,
    model_directory: ModelDirectory = None,
    http_port: HttpPort = None,
    log_level: LogLevel = None,
    log_file: LogFile = None,
    dry_run: DryRun = None,
) -> None:
    """Run the operator until SIGTERM or Ctrl-C."""
    settings = _loaded(context, config).settings
    try:
        configure(settings)
    except OSError as error:
        _fail(f"cannot write the log file {settings.log_file}: {error.strerror}")
    try:
        code = run(settings)
    except StartError as error:
        _fail(str(error))
    sys.stdout.flush()
    # Threads that wait for a slow source would hold up the interpreter's own end past the promised five seconds.
    os._exit(code)


@app.command("config")
def config_command(
    context: typer.Context,
    mode: Mode = None,
    config: ConfigFile = None,
    kubeconfig: Kubeconfig = None,
    prometheus_url: PrometheusUrl = None,
    model_directory: ModelDirectory = None,
    http_port: HttpPort = None,
    log_level: LogLevel = None,
    log_file: LogFile = None,
    dry_run: DryRun = None,
) -> None:
    """Print every setting as it would be used, with its source; secrets are masked."""
    for key, value in shown(_loaded(context, config)).items():
        typer.echo(f"{key}: {value}")


@app.command("version")
def version_command() -> None:
    """Print the version."""
    typer.echo(__version__)


def _loaded(context: typer.Context, file: Path | None) -> Loaded:
    """Load the settings; every option of the command but --config is one, by its own name."""
    overrides = {key: value for key, value in context.params.items() if key != "config"}
    try:
        return load(overrides, file=file)
    except SettingsError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(f"podvigil: {message}", err=True)
    raise typer.Exit(2)
