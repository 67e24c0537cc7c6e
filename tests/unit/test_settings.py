"""Defaults < YAML file < environment < command line; and what cannot be used is named with its source."""

from pathlib import Path
from typing import Any

import pytest

from podvigil.settings import (
    MASK,
    WELL_KNOWN,
    LogFormat,
    LogLevel,
    Mode,
    Settings,
    SettingsError,
    load,
    shown,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "podvigil.yaml"


def complaint(
    overrides: dict[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: dict[str, str] | None = None,
) -> str:
    with pytest.raises(SettingsError) as error:
        load(overrides, file=file, environ=environ or {})
    return str(error.value)


# -- defaults


def test_defaults() -> None:
    assert load(environ={}).settings == Settings()
    assert Settings().model_dump() == {
        "mode": Mode.FULL,
        "kubeconfig": None,
        "operator_namespace": "podvigil-system",
        "prometheus_url": None,
        "prometheus_ca_file": None,
        "anomaly_threshold": None,
        "false_alarms_per_pod_day": 0.1,
        "model_directory": None,
        "maximum_pods": 20_000,
        "dry_run": False,
        "http_host": "0.0.0.0",
        "http_port": 8080,
        "log_level": LogLevel.INFO,
        "log_format": LogFormat.TEXT,
        "log_file": None,
        "llm_api_key": None,
    }


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_what_is_shown_says_where_it_came_from() -> None:
    lines = shown(load({"http_port": 0}, environ={}))
    assert set(lines) == set(Settings.model_fields)
    assert lines["http_port"] == "0  # the command line option --http-port"
    assert lines["mode"] == "full  # default"
    assert lines["kubeconfig"] == "null  # default"


# -- precedence


@pytest.mark.parametrize(
    ("given", "port", "source"),
    [
        pytest.param((), 8080, "default", id="nothing"),
        pytest.param(("file",), 1001, "the file", id="file"),
        pytest.param(("environment",), 1002, "PODVIGIL_HTTP_PORT", id="environment"),
        pytest.param(("option",), 1003, "--http-port", id="command-line"),
        pytest.param(("file", "environment"), 1002, "PODVIGIL_HTTP_PORT", id="environment-over-file"),
        pytest.param(("file", "option"), 1003, "--http-port", id="command-line-over-file"),
        pytest.param(("environment", "option"), 1003, "--http-port", id="command-line-over-environment"),
        pytest.param(("file", "environment", "option"), 1003, "--http-port", id="command-line-over-all"),
    ],
)
def test_the_nearer_source_wins(file: Path, given: tuple[str, ...], port: int, source: str) -> None:
    file.write_text("http_port: 1001\n")
    loaded = load(
        {"http_port": 1003 if "option" in given else None},
        file=file if "file" in given else None,
        environ={"PODVIGIL_HTTP_PORT": "1002"} if "environment" in given else {},
    )
    assert loaded.settings.http_port == port
    assert source in shown(loaded)["http_port"]


def test_the_environment_names_the_file_unless_the_command_line_does(file: Path, tmp_path: Path) -> None:
    file.write_text("http_port: 1001\n")
    other = tmp_path / "other.yaml"
    other.write_text("http_port: 1002\n")
    environ = {"PODVIGIL_CONFIG": str(file)}
    assert load(environ=environ).settings.http_port == 1001
    assert load(file=other, environ=environ).settings.http_port == 1002


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kubeconfig", "/tmp/kubeconfig"),
        ("prometheus_url", "http://prometheus:9090"),
        ("anomaly_threshold", "0.8"),
        ("llm_api_key", "s3cret"),
        ("operator_namespace", "monitoring"),
    ],
)
def test_well_known_variables_are_honoured(key: str, value: str) -> None:
    loaded = load(environ={WELL_KNOWN[key]: value})
    assert getattr(loaded.settings, key) is not None
    assert WELL_KNOWN[key] in shown(loaded)[key]
    own = load(environ={WELL_KNOWN[key]: "not used", f"PODVIGIL_{key.upper()}": value})
    assert own.settings == loaded.settings, "the one with our prefix wins, whatever the other says"
    assert f"PODVIGIL_{key.upper()}" in shown(own)[key]


def test_an_empty_variable_is_not_set() -> None:
    loaded = load(environ={"PODVIGIL_PROMETHEUS_URL": "", "PROMETHEUS_URL": "http://a", "PODVIGIL_MODE": ""})
    assert loaded.settings.prometheus_url == "http://a"
    assert loaded.settings.mode is Mode.FULL


def test_variables_of_others_are_none_of_our_business() -> None:
    assert load(environ={"PATH": "/bin", "HTTP_PORT": "1", "MODE": "nonsense"}).settings == Settings()


# -- what cannot be used


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("mode", "nonsense", "'monitoring', 'remediation', 'full' or 'approver'"),
        ("http_port", "70000", "less than or equal to 65535"),
        ("http_port", "many", "valid integer"),
        ("anomaly_threshold", "1", "less than 1"),
        ("anomaly_threshold", "0", "greater than 0"),
        ("anomaly_threshold", "nan", "less than 1"),
        ("false_alarms_per_pod_day", "0", "greater than 0"),
        ("maximum_pods", "0", "greater than or equal to 1"),
        ("prometheus_url", "prometheus:9090", "write http://host:port (value"),
        ("prometheus_url", "none", "write http://host:port (value"),
        ("dry_run", "maybe", "boolean"),
        ("log_level", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_source(file: Path, key: str, value: str, why: str) -> None:
    file.write_text(f"{key}: {value}\n")
    variable = f"PODVIGIL_{key.upper()}"
    option = f"--{key.replace('_', '-')}"
    for said, source in (
        (complaint(file=file), f"the file {file}"),
        (complaint(environ={variable: value}), f"the environment variable {variable}"),
        (complaint({key: value}), f"the command line option {option}"),
    ):
        assert f"\n  {key}: " in said
        assert value in said
        assert source in said
        assert why in said


def test_a_bad_value_is_blamed_on_the_source_that_won(file: Path) -> None:
    file.write_text("http_port: 1001\n")
    said = complaint(file=file, environ={"PODVIGIL_HTTP_PORT": "none"})
    assert "PODVIGIL_HTTP_PORT" in said
    assert str(file) not in said
    said = complaint(environ={"PROMETHEUS_URL": "nowhere"})
    assert "the environment variable PROMETHEUS_URL" in said


def test_a_value_that_nobody_takes_is_not_checked(file: Path) -> None:
    file.write_text("http_port: none\n")
    assert load({"http_port": 1}, file=file, environ={}).settings.http_port == 1


@pytest.mark.parametrize("value", ["full", "''", "", "null", "[1, 2]"])
def test_an_unknown_key_of_the_file_is_named_whatever_its_value(file: Path, value: str) -> None:
    file.write_text(f"moed: {value}\n")
    said = complaint(file=file)
    assert "moed: unknown setting" in said
    assert f"from the file {file}" in said
    assert "did you mean mode?" in said


def test_an_unknown_variable_with_our_prefix_is_named() -> None:
    said = complaint(environ={"PODVIGIL_HTTP_PROT": "8081"})
    assert (
        "http_prot: unknown setting (value '8081', from the environment variable PODVIGIL_HTTP_PROT)" in said
    )
    assert "did you mean http_port?" in said


def test_where_the_local_cluster_keeps_its_programs_is_no_setting_and_no_mistake() -> None:
    assert load(environ={"PODVIGIL_CACHE": "/tmp/cache"}).settings == Settings()


def test_an_unknown_key_of_the_command_line_is_named() -> None:
    assert "colour: unknown setting (value 'red', from the command line option --colour)" in complaint(
        {"colour": "red"}
    )


def test_all_complaints_come_together(file: Path) -> None:
    file.write_text("moed: full\nmaximum_pods: 0\n")
    said = complaint(
        {"http_port": -1}, file=file, environ={"PODVIGIL_LOG_LEVEL": "loud", "PODVIGIL_COLOUR": "red"}
    )
    for key in ("moed", "maximum_pods", "http_port", "log_level", "colour"):
        assert f"\n  {key}: " in said


# -- secrets


def test_a_secret_is_never_shown() -> None:
    for variable in ("PODVIGIL_LLM_API_KEY", "LLAMA_NEMOTRON_API_KEY"):
        loaded = load(environ={variable: "s3cret"})
        assert loaded.settings.llm_api_key is not None
        assert loaded.settings.llm_api_key.get_secret_value() == "s3cret"
        assert shown(loaded)["llm_api_key"] == f"{MASK}  # the environment variable {variable}"
        assert "s3cret" not in repr(loaded)


def test_the_password_of_an_address_is_not_shown() -> None:
    url = "https://reader:s3cret@prometheus:9090/x"
    loaded = load({"prometheus_url": url}, environ={})
    assert loaded.settings.prometheus_url == url
    assert shown(loaded)["prometheus_url"].startswith(f"https://reader:{MASK}@prometheus:9090/x  #")
    assert "s3cret" not in complaint(environ={"PROMETHEUS_URL": "ftp://reader:s3cret@prometheus"})


@pytest.mark.parametrize("key", ["llm_api_key", "llm_api_kye", "LLM_API_KEY", "openai_token", "my_password"])
def test_a_secret_that_cannot_be_used_is_not_shown(file: Path, key: str) -> None:
    file.write_text(f"{key}: [s3cret]\n")
    said = complaint(file=file)
    assert key in said
    assert MASK in said
    assert "s3cret" not in said


def test_a_misspelt_secret_in_the_environment_is_not_shown() -> None:
    said = complaint(environ={"PODVIGIL_LLM_API_KYE": "s3cret"})
    assert "PODVIGIL_LLM_API_KYE" in said
    assert "s3cret" not in said


# -- the file


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"- mode\n- full\n", "holds a list", id="a-list"),
        pytest.param(b"full\n", "holds a str", id="a-word"),
        pytest.param(b"mode: [full\n", "is not YAML", id="broken"),
        pytest.param(b"\xff\xfe\x00", "is not YAML", id="not-text"),
    ],
)
def test_a_file_that_holds_no_settings(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    said = complaint(file=file)
    assert str(file) in said
    assert why in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for said in (
        complaint(file=tmp_path / "none.yaml"),
        complaint(environ={"PODVIGIL_CONFIG": str(tmp_path / "none.yaml")}),
    ):
        assert f"{tmp_path / 'none.yaml'} cannot be read: No such file or directory" in said
    assert "cannot be read" in complaint(file=tmp_path)


@pytest.mark.parametrize("content", ["", "# nothing\n", "mode:\n", "mode: null\n"])
def test_a_file_may_say_nothing(file: Path, content: str) -> None:
    file.write_text(content)
    assert load(file=file, environ={}).settings == Settings()


def test_yaml_types_are_taken_as_they_are(file: Path) -> None:
    file.write_text("http_port: 0\ndry_run: true\nfalse_alarms_per_pod_day: 0.5\nlog_format: json\n")
    settings = load(file=file, environ={}).settings
    assert (settings.http_port, settings.dry_run) == (0, True)
    assert (settings.false_alarms_per_pod_day, settings.log_format) == (0.5, LogFormat.JSON)
