"""Asks a monitor's metrics source: one aggregated query for each feature, and ranges for a warm start."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from podvigil.api.durations import parse_duration
from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.monitor import MonitorSpec
from podvigil.api.reasons import Reason
from podvigil.api.resources import SECRETS
from podvigil.cluster.client import Cluster
from podvigil.collect.columns import Column, Matrix
from podvigil.collect.prometheus import MAX_POINTS, BearerToken, PrometheusSource
from podvigil.collect.queries import query_for
from podvigil.collect.volumes import fullness_query, mounted_query

FEATURES: Final = (*MODEL_FEATURES, Feature.RESTARTS, Feature.THROTTLING)

HISTORY_SECONDS: Final = 3 * 3600.0
"""What a warm start reads: the trailing hour, its gap, and enough blocks for a threshold."""

MAXIMUM_HISTORY_SAMPLES: Final = 4_000_000
"""Samples of one feature that a warm start holds: 32 MB as float64, 3 h at 30 s for 11,000 pods."""

Answer = TypeVar("Answer")


class CredentialsMissing(Exception):
    """The Secret that a monitor names is not there, or lacks the key. The message says which."""

    reason: Final = Reason.SECRET_MISSING


class NoSource(Exception):
    """Neither the monitor nor the settings name a source, or what they name is no address."""

    reason: Final = Reason.INVALID_SPEC


class Source:
    """A monitor's metrics source, asked from threads of its own: one that hangs holds up no other monitor."""

    def __init__(self, prometheus: PrometheusSource, spec: MonitorSpec) -> None:
        self._prometheus = prometheus
        self._pool = ThreadPoolExecutor(len(FEATURES), thread_name_prefix="source")
        self._interval = parse_duration(spec.interval).total_seconds()
        self._scrape = parse_duration(spec.sources.prometheus.scrape_interval).total_seconds()

    @property
    def name(self) -> str:
        """The source's address as it may be shown."""
        return self._prometheus.name

    async def now(self, namespaces: tuple[str, ...], at: datetime) -> Mapping[Feature, Column]:
        """Ask for every feature at one moment. Raises: SourceError."""
        moment = at.timestamp()
        columns = await self._ask(
            {f: partial(self._prometheus.query, self._promql(f, namespaces), moment) for f in FEATURES}
        )
        return {f: column.whole() for f, column in columns.items()}

    async def history(
        self, namespaces: tuple[str, ...], until: datetime, *, pods: int
    ) -> Mapping[Feature, Matrix]:
        """Ask for the model's features up to one interval before `until`. Raises: SourceError."""
        room = MAXIMUM_HISTORY_SAMPLES // max(pods, 1)
        ticks = max(1, min(int(HISTORY_SECONDS / self._interval), MAX_POINTS - 1, room))
        end = until.timestamp() - self._interval
        return await self.between(
            namespaces, MODEL_FEATURES, end - ticks * self._interval, end, self._interval
        )

    async def volumes(self, namespaces: tuple[str, ...], at: datetime) -> Column:
        """Ask how full the claims of each pod are. Raises: SourceError."""
        question = partial(self._prometheus.query, mounted_query(namespaces), at.timestamp())
        return (await self._ask({Feature.STORAGE: question}))[Feature.STORAGE].whole()

    async def volumes_past(
        self, namespaces: tuple[str, ...], until: datetime, *, seconds: float, step: float
    ) -> Matrix:
        """Ask how full each claim was, up to one interval before `until`. Raises: SourceError."""
        end = until.timestamp() - self._interval
        start = end - step * max(1, int(seconds / step))
        question = partial(self._prometheus.query_range, fullness_query(namespaces), start, end, step)
        return (await self._ask({Feature.STORAGE: question}))[Feature.STORAGE].whole()

    async def between(
        self, namespaces: tuple[str, ...], features: Sequence[Feature], start: float, end: float, step: float
    ) -> Mapping[Feature, Matrix]:
        """Ask for some features over a range, Unix seconds. Raises: SourceError."""
        matrices = await self._ask(
            {
                f: partial(self._prometheus.query_range, self._promql(f, namespaces), start, end, step)
                for f in features
            }
        )
        return {f: matrix.whole() for f, matrix in matrices.items()}

    async def _ask(self, questions: Mapping[Feature, Callable[[], Answer]]) -> dict[Feature, Answer]:
        """Ask everything at once, and wait for all answers, so that no thread outlives its tick."""
        loop = asyncio.get_running_loop()
        asked = (loop.run_in_executor(self._pool, question) for question in questions.values())
        answers: dict[Feature, Answer] = {}
        for feature, answer in zip(
            questions, await asyncio.gather(*asked, return_exceptions=True), strict=True
        ):
            if isinstance(answer, BaseException):
                raise answer
            answers[feature] = answer
        return answers

    def close(self) -> None:
        """Let go of the connections and the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._prometheus.close()

    def _promql(self, feature: Feature, namespaces: tuple[str, ...]) -> str:
        return query_for(feature, namespaces, self._interval, self._scrape)


async def open_source(
    spec: MonitorSpec, cluster: Cluster, *, default_url: str | None, ca_file: Path | None, namespace: str
) -> Source:
    """Connect a monitor to its source.

    Args:
        default_url: of the settings, for a monitor that names none.
        ca_file: of the settings; None: the public CAs.
        namespace: where the Secret with the token is: the operator's own.

    Raises: NoSource, CredentialsMissing, ClusterError.
    """
    wanted = spec.sources.prometheus
    url = wanted.url or default_url
    if url is None:
        raise NoSource(
            "no metrics source: set spec.sources.prometheus.url, or the setting prometheus_url (PROMETHEUS_URL)"
        )
    auth = None
    if wanted.bearer_token is not None:
        reference = wanted.bearer_token
        secret = await cluster.find(SECRETS, reference.name, namespace)
        data = (secret or {}).get("data") or {}
        if reference.key not in data:
            raise CredentialsMissing(
                f"Secret {namespace}/{reference.name} "
                + (f"has no key {reference.key}" if secret else "does not exist")
                + ": create it, and let the analyst's ServiceAccount read it by name"
            )
        try:
            auth = BearerToken(base64.b64decode(data[reference.key], validate=True).decode("ascii").strip())
        except (binascii.Error, UnicodeDecodeError) as error:
            raise CredentialsMissing(
                f"Secret {namespace}/{reference.name} key {reference.key} holds no token: {error}"
            ) from error
    try:
        source = PrometheusSource(
            url, auth=auth, ca_file=ca_file, timeout_seconds=parse_duration(wanted.timeout).total_seconds()
        )
    except ValueError as error:
        raise NoSource(str(error)) from error
    return Source(source, spec)
