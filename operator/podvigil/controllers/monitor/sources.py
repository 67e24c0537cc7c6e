"""Asks a monitor's metrics source: one aggregated query for each feature, and ranges for a warm start."""

import asyncio
import base64
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from podvigil.api.durations import parse_duration
from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.monitor import MonitorSpec
from podvigil.api.reasons import Reason
from podvigil.api.resources import SECRETS
from podvigil.cluster.client import Cluster
from podvigil.collect.columns import Column, Floats, Matrix, Timeline
from podvigil.collect.prometheus import MAX_POINTS, BearerToken, PrometheusSource
from podvigil.collect.queries import query_for
from podvigil.collect.volumes import fullness_query, mounted_query

FEATURES: Final = (*MODEL_FEATURES, Feature.RESTARTS, Feature.THROTTLING)

HISTORY_SECONDS: Final = 3 * 3600.0
"""What a warm start reads: the trailing hour, its gap, and enough blocks for a threshold."""

MAXIMUM_HISTORY_SAMPLES: Final = 4_000_000
"""Samples of one feature that a warm start holds: 32 MB as float64, 3 h at 30 s for 11,000 pods."""

SAMPLES_AT_ONCE: Final = 250_000
"""Of one feature in one answer, about 9 MB as text, 20 MB while it is read; a longer range is asked in parts."""

TOKEN: Final = re.compile(r"[!-~]+")
"""What a header can carry of a bearer token: visible ASCII. A line break inside would end the header, and the query."""

Answer = TypeVar("Answer")


class CredentialsMissing(Exception):
    """The Secret that a monitor names is not there, or lacks the key. The message says which."""

    reason: Final = Reason.SECRET_MISSING


class NoSource(Exception):
    """Neither the monitor nor the settings name a source, or what they name is no address."""

    reason: Final = Reason.INVALID_SPEC


class Source:
    """A monitor's metrics source, asked from threads of its own: one that hangs holds up no other monitor."""

    def __init__(
        self, prometheus: PrometheusSource, spec: MonitorSpec, *, samples_at_once: int = SAMPLES_AT_ONCE
    ) -> None:
        self._prometheus = prometheus
        self._at_once = samples_at_once
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
        start = end - ticks * self._interval
        return await self.between(namespaces, MODEL_FEATURES, start, end, self._interval, pods=pods)

    async def volumes(self, namespaces: tuple[str, ...], at: datetime) -> Column:
        """Ask how full the claims of each pod are. Raises: SourceError."""
        question = partial(self._prometheus.query, mounted_query(namespaces), at.timestamp())
        return (await self._ask({Feature.STORAGE: question}))[Feature.STORAGE].whole()

    async def volumes_past(
        self, namespaces: tuple[str, ...], until: datetime, *, seconds: float, step: float, claims: int
    ) -> Matrix:
        """Ask how full each claim was, up to one interval before `until`. Raises: SourceError."""
        end = until.timestamp() - self._interval
        start = end - step * max(1, int(seconds / step))
        queries = {Feature.STORAGE: fullness_query(namespaces)}
        return (await self._in_parts(queries, start, end, step, series=claims))[Feature.STORAGE]

    async def between(
        self,
        namespaces: tuple[str, ...],
        features: Sequence[Feature],
        start: float,
        end: float,
        step: float,
        *,
        pods: int,
    ) -> Mapping[Feature, Matrix]:
        """Ask for some features of about so many pods over a range, Unix seconds. Raises: SourceError."""
        queries = {f: self._promql(f, namespaces) for f in features}
        return await self._in_parts(queries, start, end, step, series=pods)

    async def _in_parts(
        self, queries: Mapping[Feature, str], start: float, end: float, step: float, *, series: int
    ) -> dict[Feature, Matrix]:
        """Ask for a range in parts of so few samples that the text of the answers stays small beside the arrays."""
        count = round((end - start) / step) + 1
        # In milliseconds, as they are asked: else a part could begin or end beside its own grid.
        times: Floats = round(start, 3) + step * np.arange(count, dtype=np.float64)
        at_once = max(1, self._at_once // max(series, 1))
        whole = {feature: Timeline(times, series) for feature in queries}
        for first in range(0, len(times), at_once):
            part = times[first : first + at_once]
            asked = {
                feature: partial(self._prometheus.query_range, query, part[0], part[-1], step)
                for feature, query in queries.items()
            }
            for feature, answer in (await self._ask(asked)).items():
                whole[feature].lay(answer.whole(), first)
        return {feature: timeline.matrix() for feature, timeline in whole.items()}

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
            auth = BearerToken(_token(data[reference.key]))
        except ValueError as error:
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


def _token(data: str) -> str:
    """The token in a Secret's data, without the space around it. Raises: ValueError when a header cannot carry it."""
    token = base64.b64decode(data, validate=True).decode("ascii").strip()
    if not TOKEN.fullmatch(token):
        raise ValueError(
            "it must be one word, without spaces or line breaks inside" if token else "it is empty"
        )
    return token
