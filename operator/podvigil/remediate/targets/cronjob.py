"""A CronJob at one moment, and the Jobs that were made from it by requests of ours."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from podvigil.api.request import Health
from podvigil.api.resources import CRONJOBS, ObjectRef, Resource
from podvigil.remediate.targets.base import TOKEN, Json, TargetState

OFFERED: Final = "podvigil.io/remediation-job"
"""Annotation by which a CronJob's owner offers it as a remedy: "true". Nobody else's Jobs are run."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A Job that a request made."""

    name: str
    uid: str
    made_by: str
    """UID of the request, by its label."""
    complete: bool
    failure: str
    """Why it failed; empty while it runs, and when it completed."""
    deleting: bool
    running: int
    """Pods that are pending or running."""

    @property
    def finished(self) -> bool:
        """Whether it has come to an end."""
        return self.complete or bool(self.failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJobState(TargetState):
    """What a decision needs to know of a CronJob."""

    offered: bool
    """Whether its owner offers it as a remedy."""
    concurrency: str
    """Allow, Forbid or Replace."""
    active: tuple[str, ...]
    """Names of its Jobs that run: those of its schedule, which its controller counts, and those of requests."""
    forgets: bool
    """Whether its controller removes a finished Job at once (a history limit of 0)."""
    jobs: tuple[JobState, ...]
    """Those that requests of ours made."""
    body: Json = field(repr=False)
    """As the API server returned it."""

    @property
    def resource(self) -> Resource:
        """Where the API server keeps it."""
        return CRONJOBS

    @property
    def health(self) -> Health:
        """A CronJob has no replicas: a Job is judged by its end."""
        return Health(replicas=0, ready_replicas=0)

    @property
    def pods_at_once(self) -> tuple[int, dict[str, Any]]:
        """How many pods a Job of it runs side by side, and their spec."""
        job = self.body["spec"]["jobTemplate"]["spec"]
        wanted = int(job.get("parallelism", 1))
        return min(wanted, job.get("completions", wanted)), dict(job["template"]["spec"])

    def job_of(self, request_uid: str) -> JobState | None:
        """Return the Job that this request made."""
        return next((job for job in self.jobs if job.made_by == request_uid), None)


def cronjob_state(body: Json, jobs: Iterable[Json] = ()) -> CronJobState:
    """Read a CronJob, and those of the Jobs that are its own."""
    metadata, spec = body["metadata"], body["spec"]
    ours = tuple(_job_state(job) for job in jobs if _is_of(job, metadata["uid"]))
    scheduled = {job["name"] for job in (body.get("status") or {}).get("active") or ()}
    return CronJobState(
        ref=ObjectRef.of(body),
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 0),
        deleting="deletionTimestamp" in metadata,
        offered=(metadata.get("annotations") or {}).get(OFFERED) == "true",
        concurrency=spec.get("concurrencyPolicy", "Allow"),
        active=tuple(sorted(scheduled | {job.name for job in ours if not job.finished})),
        forgets=0 in (spec.get("successfulJobsHistoryLimit"), spec.get("failedJobsHistoryLimit")),
        jobs=ours,
        body=body,
    )


def _is_of(job: Json, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in job["metadata"].get("ownerReferences") or ())


def _job_state(body: Json) -> JobState:
    metadata, status = body["metadata"], body.get("status") or {}
    held = {c["type"]: c for c in status.get("conditions") or () if c["status"] == "True"}
    failed = held.get("Failed")
    why = [failed.get("reason", "Failed"), failed.get("message", "")] if failed else []
    return JobState(
        name=metadata["name"],
        uid=metadata["uid"],
        made_by=(metadata.get("labels") or {}).get(TOKEN, ""),
        complete="Complete" in held,
        failure=": ".join(filter(None, why)),
        deleting="deletionTimestamp" in metadata,
        running=status.get("active", 0),
    )
