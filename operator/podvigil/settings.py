"""The operator's settings: defaults < YAML file < environment < command line.

pydantic-settings reads and checks them; what is added here is that every complaint names the key, the value
and the source that it came from, and that an unknown key is a complaint too.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import AliasChoices, AliasGenerator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX: Final = "PODVIGIL_"
CONFIG_VARIABLE: Final = "PODVIGIL_CONFIG"
"""Names the YAML file when the command line does not."""

CACHE_VARIABLE: Final = "PODVIGIL_CACHE"
"""Where deploy/local keeps what it builds. No setting of ours, and no mistake either."""

MASK: Final = "********"

WELL_KNOWN: Final = {
    "kubeconfig": "KUBECONFIG",
    "prometheus_url": "PROMETHEUS_URL",
    "anomaly_threshold": "ANOMALY_THRESHOLD",
    "llm_api_key": "LLAMA_NEMOTRON_API_KEY",
    "operator_namespace": "POD_NAMESPACE",
}
"""Variables without our prefix that are honoured too; the one with the prefix wins."""


class Mode(StrEnum):
    """Which process runs: the one that reports, the one that repairs, both, or the one that approves by rules."""

    MONITORING = "monitoring"
    REMEDIATION = "remediation"
    FULL = "full"
    APPROVER = "approver"


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe log lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SettingsError(Exception):
    """One or more settings cannot be used. The message names each key, value and source."""


def _variables(name: str) -> AliasChoices:
    own = f"{PREFIX}{name.upper()}"
    return AliasChoices(own, *([WELL_KNOWN[name]] if name in WELL_KNOWN else []))


class Settings(BaseSettings):
    """Everything that is decided once, at start. What belongs to one monitor is in its AnomalyMonitor."""

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=_variables),
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
    )

    mode: Annotated[
        Mode, Field(description="Which process runs: monitoring, remediation, full (both) or approver.")
    ] = Mode.FULL
    kubeconfig: Annotated[
        Path | None,
        Field(description="kubeconfig file; absent: the pod's own ServiceAccount, or ~/.kube/config."),
    ] = None
    operator_namespace: Annotated[
        str, Field(min_length=1, max_length=63, description="The namespace that the operator runs in.")
    ] = "podvigil-system"
    prometheus_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            examples=["http://host:port"],
            description="Prometheus for monitors that name none: http://prometheus:9090",
        ),
    ] = None
    prometheus_ca_file: Annotated[
        Path | None,
        Field(
            description="File (PEM) of the CA certificates by which every Prometheus with https is known; absent: the "
            "public ones."
        ),
    ] = None
    anomaly_threshold: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="Probability from which a pod is reported, for monitors that set no threshold and no budget of "
            "false alarms. Absent: false_alarms_per_pod_day decides.",
        ),
    ] = None
    false_alarms_per_pod_day: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            description="False alarms that a pod may cause in a day, for monitors that set none.",
        ),
    ] = 0.1  # ten a day among a hundred pods, before minimumDuration and grouping: what one person can look at
    model_directory: Annotated[
        Path | None,
        Field(description="Folder of the model's files; absent: the model that ships with this version."),
    ] = None
    maximum_pods: Annotated[
        int,
        Field(
            ge=1, le=200_000, description="Pods that one monitor may watch; bounds the memory of its window."
        ),
    ] = 20_000
    dry_run: Annotated[
        bool, Field(description="Every write is a server-side dry run: nothing in the cluster changes.")
    ] = False
    http_host: Annotated[str, Field(description="Address that health and metrics are served on.")] = "0.0.0.0"
    http_port: Annotated[
        int,
        Field(ge=0, le=65535, description="Port that health and metrics are served on; 0 takes a free one."),
    ] = 8080
    log_level: Annotated[LogLevel, Field(description="debug, info, warning or error.")] = LogLevel.INFO
    log_format: Annotated[LogFormat, Field(description="text for people, json for machines.")] = (
        LogFormat.TEXT
    )
    log_file: Annotated[Path | None, Field(description="Write the log there too.")] = None
    llm_api_key: Annotated[
        SecretStr | None,
        Field(description="Key of the language model's endpoint; no model is asked in this version."),
    ] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `load` alone, which has put the sources in order and knows where each value came from."""
        return (init_settings,)


_SECRETS: Final = frozenset(k for k, f in Settings.model_fields.items() if f.annotation == SecretStr | None)
_SECRET_WORDS: Final = ("key", "token", "secret", "password")
"""What names of secrets are made of: an unknown key may be a misspelt one."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each one that is not a default where it came from."""

    settings: Settings
    sources: Mapping[str, str]


def load(
    overrides: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read the settings from all sources.

    Args:
        overrides: values from the command line by key; None means not given.
        file: the YAML file; absent: the one that PODVIGIL_CONFIG names, if any.
        environ: the environment; absent: the process's own.

    Raises: SettingsError naming every key, value and source that cannot be used.
    """
    env = os.environ if environ is None else environ
    if file is None and env.get(CONFIG_VARIABLE):
        file = Path(env[CONFIG_VARIABLE])
    complaints: list[str] = []
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for label, values in (
        *([(f"the file {file}", _from_file(file))] if file else []),
        *_from_environment(env, complaints),
        *((f"the command line option --{k.replace('_', '-')}", {k: v}) for k, v in (overrides or {}).items()),
    ):
        for key, value in values.items():
            if key not in Settings.model_fields:
                complaints.append(_unknown(key, value, label))
            elif value is not None:
                merged[key], sources[key] = value, label
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        complaints += [_complaint(dict(e), merged, sources) for e in error.errors()]
    if complaints:
        raise SettingsError("These settings cannot be used:\n" + "\n".join(f"  {c}" for c in complaints))
    return Loaded(settings, sources)


def shown(loaded: Loaded) -> dict[str, str]:
    """Return every setting as text with its source behind it, secrets masked."""
    lines = {}
    for key in Settings.model_fields:
        value = getattr(loaded.settings, key)
        text = MASK if isinstance(value, SecretStr) else _masked(as_yaml(value))
        lines[key] = f"{text}  # {loaded.sources.get(key, 'default')}"
    return lines


def as_yaml(value: object) -> str:
    """Return a value as it may be written into the settings file."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {file} is not YAML: {error}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            f"The settings file {file} holds a {type(content).__name__}: write one `key: value` pair a line."
        )
    return {str(key): value for key, value in content.items()}


def _from_environment(env: Mapping[str, str], complaints: list[str]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for key in Settings.model_fields:
        for variable in _variables(key).choices:
            if env.get(str(variable)):
                found.append((f"the environment variable {variable}", {key: env[str(variable)]}))
                break
    known = {f"{PREFIX}{key.upper()}" for key in Settings.model_fields} | {CONFIG_VARIABLE, CACHE_VARIABLE}
    for variable in sorted(v for v in env if v.startswith(PREFIX) and v not in known):
        key = variable.removeprefix(PREFIX).lower()
        complaints.append(_unknown(key, env[variable], f"the environment variable {variable}"))
    return found


def _complaint(error: dict[str, Any], merged: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    variables = {str(v): k for k in Settings.model_fields for v in _variables(k).choices}
    said = str(error["loc"][0]) if error["loc"] else "settings"
    key = variables.get(said, said)
    value = MASK if key in _SECRETS else _masked(repr(merged.get(key)))
    message = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if error["type"] == "string_pattern_mismatch":
        # A pattern is for machines.
        message = f"write {' or '.join(map(str, Settings.model_fields[key].examples or ()))}"
    return f"{key}: {message} (value {value}, from {sources.get(key, 'default')})"


def _unknown(key: str, value: object, label: str) -> str:
    close = get_close_matches(key.lower(), Settings.model_fields, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    is_secret = bool(_SECRETS & set(close)) or any(word in key.lower() for word in _SECRET_WORDS)
    shown_value = MASK if is_secret else _masked(repr(value))
    return f"{key}: unknown setting (value {shown_value}, from {label}){meant}"


def _masked(text: str) -> str:
    """Hide the password of an address: `http://user:password@host`."""
    return re.sub(r"(//[^/@\s:]*):[^/@\s]+@", rf"\1:{MASK}@", text)
