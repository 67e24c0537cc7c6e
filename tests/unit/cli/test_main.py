"""The commands as people type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from podvigil import __version__
from podvigil.cli.main import app
from podvigil.settings import MASK, WELL_KNOWN, Settings

ROOT = Path(__file__).parents[3]
CLEAN = dict.fromkeys([v for v in os.environ if v.startswith("PODVIGIL_")] + [*WELL_KNOWN.values()])


def podvigil(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env={**CLEAN, **environ})


def process(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python -m podvigil`, for what must not happen in the tests' own process."""
    kept = {k: v for k, v in os.environ.items() if k not in CLEAN}
    return subprocess.run(
        [sys.executable, "-m", "podvigil", *arguments],
        env={**kept, "PYTHONPATH": str(ROOT / "operator"), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version() -> None:
    done = podvigil("version")
    assert (done.exit_code, done.stdout) == (0, f"{__version__}\n")


def test_version_as_an_option() -> None:
    done = podvigil("--version")
    assert (done.exit_code, done.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("--help",)], ids=["bare", "help"])
def test_help_says_what_podvigil_is(arguments: tuple[str, ...]) -> None:
    assert "reports abnormal pods" in podvigil(*arguments).output


def test_without_a_command_it_says_what_there_is() -> None:
    done = podvigil()
    assert all(command in done.output for command in ("run", "config", "version"))


def test_config_prints_every_setting_with_its_source(tmp_path: Path) -> None:
    file = tmp_path / "podvigil.yaml"
    file.write_text("log_format: json\n")
    done = podvigil(
        "config", "--config", str(file), "--http-port", "0", PROMETHEUS_URL="http://prometheus:9090"
    )
    assert done.exit_code == 0
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert list(lines) == list(Settings.model_fields)
    assert lines["log_format"] == f"json  # the file {file}"
    assert lines["http_port"] == "0  # the command line option --http-port"
    assert lines["prometheus_url"] == "http://prometheus:9090  # the environment variable PROMETHEUS_URL"
    assert lines["mode"] == "full  # default"


def test_config_takes_the_options_of_run() -> None:
    """So the arguments of a Deployment can be checked: each option of `run` is one of `config`."""
    help_of_run, help_of_config = (
        set(re.findall(r"--[a-z-]+", podvigil(command, "--help").output)) for command in ("run", "config")
    )
    assert help_of_run == help_of_config
    done = podvigil("config", "--mode", "approver", "--dry-run", "--log-file", "/var/log/podvigil")
    assert "mode: approver  # the command line option --mode" in done.stdout
    assert "dry_run: true  # the command line option --dry-run" in done.stdout
    assert "log_file: /var/log/podvigil  # the command line option --log-file" in done.stdout


def test_what_config_prints_may_be_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "podvigil.yaml"
    file.write_text(podvigil("config").stdout)
    done = podvigil("config", "--config", str(file))
    assert done.exit_code == 0
    assert "prometheus_url: null" in done.stdout
    assert "dry_run: false" in done.stdout


def test_config_masks_the_key() -> None:
    done = podvigil("config", LLAMA_NEMOTRON_API_KEY="s3cret")
    assert done.exit_code == 0
    assert f"llm_api_key: {MASK}  # the environment variable LLAMA_NEMOTRON_API_KEY" in done.stdout
    assert "s3cret" not in done.output


@pytest.mark.parametrize(
    ("arguments", "environ", "key", "source"),
    [
        pytest.param(("run", "--mode", "nonsense"), {}, "mode", "--mode", id="option"),
        pytest.param(("run",), {"PODVIGIL_MODE": "nonsense"}, "mode", "PODVIGIL_MODE", id="variable"),
        pytest.param(("config",), {"PODVIGIL_MOED": "nonsense"}, "moed", "PODVIGIL_MOED", id="unknown"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_is_named(
    arguments: tuple[str, ...], environ: dict[str, str], key: str, source: str
) -> None:
    done = podvigil(*arguments, **environ)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("podvigil: These settings cannot be used:")
    for part in (f"{key}: ", "'nonsense'", source):
        assert part in done.stderr


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    done = podvigil("run", "--config", str(tmp_path / "none.yaml"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"podvigil: The settings file {tmp_path / 'none.yaml'} cannot be read" in done.stderr


def test_an_option_of_another_type_ends_with_2() -> None:
    done = podvigil("run", "--http-port", "many")
    assert done.exit_code == 2
    assert "--http-port" in done.stderr


def test_a_start_without_a_cluster_says_what_is_missing(tmp_path: Path) -> None:
    done = process("run", "--http-port", "0", "--kubeconfig", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "podvigil: cannot reach a cluster: " in done.stderr
    assert str(tmp_path / "none") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_log_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    place = tmp_path / "none" / "podvigil.log"
    done = process("run", "--log-file", str(place))
    assert done.returncode == 2
    assert f"podvigil: cannot write the log file {place}: No such file or directory" in done.stderr
