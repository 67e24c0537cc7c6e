"""What a monitor sees at one moment: its pods in their slots, and a score for each of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, ParamSpec, TypeVar

import numpy as np

from podvigil.api.durations import parse_duration
from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.monitor import ModelMode, MonitorSpec
from podvigil.api.pods import PodKey
from podvigil.api.reasons import Reason
from podvigil.cluster.errors import ClusterError
from podvigil.collect.columns import Column, Matrix
from podvigil.collect.errors import SourceError
from podvigil.controllers.monitor.judge import column_by_pod, model_findings
from podvigil.controllers.monitor.outlook import Outlook
from podvigil.controllers.monitor.past import DAY_SECONDS, Past, joined, owners
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.scoring import Dial, Scoring, Verdict
from podvigil.controllers.monitor.select import Selection
from podvigil.controllers.monitor.sources import CredentialsMissing, NoSource, Source, open_source
from podvigil.controllers.monitor.status import Trouble
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.controllers.monitor.volumes import PAST_ATTEMPTS, PAST_SECONDS, View, Volumes
from podvigil.detect.findings import Finding
from podvigil.detect.signals import THROTTLED_RATIO
from podvigil.detect.store import Model, ModelError, load_model
from podvigil.window.arrays import Array, Mask

logger = logging.getLogger(__name__)

NEW_FEATURE_EVERY: Final = timedelta(minutes=10)
"""How often a feature that appeared may restart the scoring: exporters come and go while they are rolled out.

Also how long a source that could not tell of the past is spared while there is a scoring that works."""

Inputs = ParamSpec("Inputs")
Result = TypeVar("Result")


class NoSamples(Exception):
    """The source answered, with no sample for any selected pod."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One tick's view; without a verdict the metrics could not be had, and `trouble` says why."""

    verdict: Verdict | None = None
    trouble: Trouble | None = None
    throttled: dict[PodKey, float] = field(default_factory=dict)
    """Share of CPU periods throttled, 0 to 1, of the pods where it is high."""
    restarts: dict[PodKey, int] = field(default_factory=dict)
    """Restarts as the source counts them."""
    volumes: View = field(default_factory=View)
    """Which volumes are full, or will be."""


class Evaluation:
    """Collects and scores one monitor's pods; remembers their window."""

    def __init__(
        self, spec: MonitorSpec, ports: Ports, opener: Callable[..., Awaitable[Source]] = open_source
    ) -> None:
        """Begin with nothing known.

        Args:
            opener: opens the source, with the arguments of `open_source`; again after it has failed.
        """
        self._ports = ports
        self._opener = opener
        self._spec = spec
        self.rows = PodRows(limit=ports.settings.maximum_pods)
        self.model = Trouble(Reason.STARTING, "no model was loaded yet")
        self._source: Source | None = None
        self._outlook = Outlook(_interval_seconds(spec), self.rows.capacity)
        self._volumes = Volumes(_interval_seconds(spec))
        self._volumes_failed = False
        """Told once, until they can be had again."""
        self._scoring: Scoring | None = None
        self._begun: datetime | None = None
        """When scoring last began, or was to begin anew and could not."""
        self._failed_starts = 0
        self._past: Past | None = None
        self._unscored_ticks = 0
        self._seen: datetime | None = None
        """When the source last told of the pods; None: not at the last look."""

    def adopt(self, spec: MonitorSpec) -> None:
        """Take a changed spec; the window stays, unless the change makes it meaningless."""
        before, self._spec = self._spec, spec
        if (before.interval, before.sources) != (spec.interval, spec.sources):
            self.close()
            self._outlook = Outlook(_interval_seconds(spec), self.rows.capacity)
            self._volumes = Volumes(_interval_seconds(spec))
        if (before.interval, before.sources, before.detection) != (
            spec.interval,
            spec.sources,
            spec.detection,
        ):
            self._scoring = None
            self._failed_starts = 0

    def close(self) -> None:
        """Let go of the connections."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def place(self, selection: Selection, missed: int) -> int:
        """Give the selected pods their slots; returns how many found no room.

        Args:
            missed: ticks that fell out since the last one.
        """
        self._unscored_ticks += missed
        change = self.rows.select(selection)
        self._outlook.place(selection, self.rows, change)
        if self._scoring is not None:
            self._scoring.fit(self.rows.capacity)
            self._scoring.release(change.released)
            self._introduce(self._scoring, change.introduced)
            for slot in change.taken:
                self._scoring.adopt(slot, self.rows.slots_of(self.rows.workload(slot).uid))
        return change.without_room

    async def look(self, selection: Selection, now: datetime) -> Sight:
        """Collect and score; what the source or its credentials lack becomes a trouble."""
        try:
            sight = await self._look(selection, now)
        except (SourceError, NoSource, CredentialsMissing) as error:
            trouble = Trouble(error.reason, str(error))
        except NoSamples as error:
            trouble = Trouble(Reason.NO_SAMPLES, str(error))
        except ClusterError as error:  # the Secret could not be read
            trouble = Trouble(Reason.API_SERVER_REFUSED, str(error))
        else:
            self._unscored_ticks = 0
            self._seen = now
            return sight
        self._unscored_ticks += 1
        self._seen = None
        self.close()  # credentials and addresses are read anew next time
        return Sight(trouble=trouble)

    @property
    def history_days(self) -> float:
        """Days of the source's history that the habits were filled in from."""
        return self._past.seconds / DAY_SECONDS if self._past else 0.0

    async def recall(self, selection: Selection) -> None:
        """Take one more piece of the past into the habits; a failure is logged, and harms nothing.

        A source that could not even tell of this moment is not asked.
        """
        scoring, past = self._scoring, self._past
        if scoring is None or past is None or self._seen is None or not selection.namespaces:
            return
        at = self._seen.timestamp()
        piece = past.next(at)
        if piece is None:
            return
        try:
            source = await self._open()
            matrices = await source.between(
                selection.namespaces,
                scoring.features,
                piece.start,
                piece.end,
                piece.step,
                pods=len(self.rows),
            )
            pods, values = joined(matrices, scoring.features)
        except (SourceError, NoSource, CredentialsMissing, ClusterError) as error:
            past.failed(error, at)
            return
        names = owners(pods, {workload.uid: workload for workload in selection.workloads.values()}.values())
        times = matrices[scoring.features[0]].times
        slots = [-1 if (slot := self.rows.slot(pod)) is None else slot for pod in pods]
        await self._on_scorer(scoring.teach, values, names, times, slots)
        past.filled(int(np.isfinite(values).sum()))

    def findings(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Return the pods that the score calls abnormal, or nearly so."""
        return model_findings(verdict, self.rows, self._scoring.features) if self._scoring else ()

    async def foresee(self, found: tuple[Finding, ...], selection: Selection) -> tuple[Finding, ...]:
        """Return the findings with what is foretold of their pods."""
        return await self._on_scorer(self._outlook.foresee, found, selection, self.rows) if found else ()

    async def _look(self, selection: Selection, now: datetime) -> Sight:
        source = await self._open()
        columns = dict(await source.now(selection.namespaces, now))
        values = self.rows.sample(columns, MODEL_FEATURES)
        there = _with_samples(values)
        if not there:
            raise NoSamples(
                f"{source.name} has no sample for any of the {len(self.rows)} selected pods: does it scrape "
                "cAdvisor, with the labels namespace and pod?"
            )
        scoring = self._scoring
        if scoring is None or self._wants_more(scoring, there, now):
            scoring = await self._start(source, there, selection, now)
        scoring.skip(self._unscored_ticks)
        self._outlook.skip(self._unscored_ticks)
        self._outlook.observe(values[:, MODEL_FEATURES.index(Feature.MEMORY)])
        wanted = values[:, [MODEL_FEATURES.index(f) for f in scoring.features]]
        verdict = await self._on_scorer(scoring.score, wanted, self.rows.present, now.timestamp())
        throttled, restarts = self._extras(columns)
        volumes = await self._see_volumes(source, selection, now)
        return Sight(verdict, None, throttled, restarts, volumes)

    async def _open(self) -> Source:
        if self._source is None:
            settings = self._ports.settings
            self._source = await self._opener(
                self._spec,
                self._ports.cluster,
                default_url=settings.prometheus_url,
                ca_file=settings.prometheus_ca_file,
                namespace=settings.operator_namespace,
            )
        return self._source

    def _wants_more(self, scoring: Scoring, there: tuple[Feature, ...], now: datetime) -> bool:
        if set(there) <= set(scoring.features):
            return False
        return self._begun is None or now - self._begun >= NEW_FEATURE_EVERY

    async def _start(
        self, source: Source, there: tuple[Feature, ...], selection: Selection, now: datetime
    ) -> Scoring:
        """Begin scoring with what the source remembers; a source without a past is a cold start.

        While it fails to tell, the scoring that there is goes on. Raises: SourceError when there is none yet.
        """
        try:
            history, times = await self._history(source, selection, now)
        except SourceError as error:
            if self._scoring is not None:
                logger.warning("Scoring goes on without a new vital", extra={"why": str(error)})
                self._begun = now
                return self._scoring
            history, times = self._no_history(error)
        if self._outlook.is_new:
            self._outlook.warm_start(history[:, :, MODEL_FEATURES.index(Feature.MEMORY)], times)
        else:
            self._outlook.skip(self._unscored_ticks)
        features = tuple(f for f in MODEL_FEATURES if f in there or f in _with_samples(history))
        if features != MODEL_FEATURES:  # else a copy of it all for nothing
            history = history[:, :, [MODEL_FEATURES.index(f) for f in features]]
        self._scoring = await self._on_scorer(self._new_scoring, features, history, times)
        self._begun, self._failed_starts = now, 0
        begins = float(times[0]) if times.size else now.timestamp()
        self._past = Past(begins, len(self.rows)) if self._scoring.has_habits else None
        self._unscored_ticks = 0
        return self._scoring

    async def _history(self, source: Source, selection: Selection, now: datetime) -> tuple[Array, Array]:
        """Return the last hours, (ticks, slots, features), and their times. Raises: SourceError."""
        matrices = await source.history(selection.namespaces, now, pods=len(self.rows))
        return self.rows.history(matrices, MODEL_FEATURES), next(iter(matrices.values())).times

    def _no_history(self, error: SourceError) -> tuple[Array, Array]:
        """Return an empty history of a source that failed too often to tell of it. Raises: the error, before that."""
        self._failed_starts += 1
        if self._failed_starts < PAST_ATTEMPTS:
            raise error
        logger.warning("Scoring starts without a past", extra={"why": str(error)})
        return np.empty((0, self.rows.capacity, len(MODEL_FEATURES))), np.empty(0)

    async def _see_volumes(self, source: Source, selection: Selection, now: datetime) -> View:
        """Look at the volumes; what the source cannot say of them costs no score."""
        volumes = self._volumes
        try:
            column = await source.volumes(selection.namespaces, now)
            if column.keys and volumes.wants_past:
                step = volumes.past_step(len(column.keys))
                past = await self._volumes_past(source, selection, now, step, claims=len(column.keys))
                if past is not None:
                    volumes.warm_start(past, column, step)
            volumes.observe(column, self.rows, now.timestamp())
        except SourceError as error:
            if not self._volumes_failed:
                logger.warning("Cannot look at the volumes", extra={"why": str(error)})
            self._volumes_failed = True
            volumes.unseen()
        else:
            self._volumes_failed = False
        return await self._on_scorer(volumes.view, self.rows)

    async def _volumes_past(
        self, source: Source, selection: Selection, now: datetime, step: float, *, claims: int
    ) -> Matrix | None:
        """Return how full the claims were; None when the source failed too often. Raises: SourceError."""
        try:
            return await source.volumes_past(
                selection.namespaces, now, seconds=PAST_SECONDS, step=step, claims=claims
            )
        except SourceError:
            self._volumes.past_failed()
            if self._volumes.wants_past:
                raise
            return None

    def _new_scoring(self, features: tuple[Feature, ...], history: Array, times: Array) -> Scoring:
        scoring = Scoring(
            mode=self._spec.detection.model,
            model=self._load_model(self._spec.detection.model),
            features=features,
            interval_seconds=_interval_seconds(self._spec),
            capacity=self.rows.capacity,
            dial=Dial.of(self._spec.detection, self._ports.settings),
        )
        self._introduce(scoring, self.rows.slots())
        there: Mask = np.any(np.isfinite(history), axis=2)
        scoring.warm_start(history, there, times)
        return scoring

    def _introduce(self, scoring: Scoring, slots: Sequence[int]) -> None:
        """Tell the scoring whose pods these are."""
        rows = self.rows
        scoring.introduce(
            list(slots), [rows.workload(slot).uid for slot in slots], [rows.started(slot) for slot in slots]
        )

    def _load_model(self, mode: ModelMode) -> Model | None:
        if mode is not ModelMode.LSTM:
            message = f"spec.detection.model is {mode.value}: no network is used"
            self.model = Trouble(Reason.MODEL_NOT_USED, message)
            return None
        try:
            model = load_model(self._ports.model_directory)
        except ModelError as error:
            self.model = Trouble(Reason.MODEL_BROKEN, f"{error}; until then the statistics score alone")
            logger.error("Cannot use the model", extra={"why": str(error)})
            return None
        self.model = Trouble(Reason.MODEL_LOADED, f"model {model.version}, sha256 {model.sha256[:12]}")
        return model

    def _extras(self, columns: dict[Feature, Column]) -> tuple[dict[PodKey, float], dict[PodKey, int]]:
        """Return the throttled pods, and the restarts that the source reports."""
        values = self.rows.sample(columns, (Feature.THROTTLING, Feature.RESTARTS))
        throttled = column_by_pod(self.rows, values[:, 0], at_least=THROTTLED_RATIO)
        restarts = column_by_pod(self.rows, values[:, 1], at_least=1.0)
        return throttled, {pod: round(count) for pod, count in restarts.items()}

    async def _on_scorer(
        self, work: Callable[Inputs, Result], *arguments: Inputs.args, **_: Inputs.kwargs
    ) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._ports.scorer, work, *arguments)


def _interval_seconds(spec: MonitorSpec) -> float:
    return parse_duration(spec.interval).total_seconds()


def _with_samples(values: Array) -> tuple[Feature, ...]:
    """Return the model's features, the last axis of `values`, that have any sample."""
    columns = np.moveaxis(values, -1, 0)
    return tuple(f for f, column in zip(MODEL_FEATURES, columns, strict=True) if np.isfinite(column).any())
