"""RunJob: run a Job from a CronJob that its owner offers as a remedy, as `kubectl create job --from` does.

The Job's name is made from the request's uid, so that a second create is a 409 and not a second run. What the Job
does to the cluster is its owner's matter: nothing of it can be taken back.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import ExecutionProgress, Plan, Reversibility
from podvigil.api.resources import JOBS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound
from podvigil.remediate.actions.base import Change, Disruption, Made, Progress, Rehearsal, Right, Undo
from podvigil.remediate.refusal import Refusal, dry_run_refused
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.cronjob import OFFERED, CronJobState, JobState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import still_active

TIME: Final = timedelta(minutes=30)
"""How long a Job may run. Its own activeDeadlineSeconds may be shorter."""

LOOK_AGAIN: Final = timedelta(seconds=3)

CONCURRENT_AGAIN: Final = timedelta(seconds=30)
"""Until another Job of the same CronJob may have ended."""

KEPT_SECONDS: Final = 2 * 3600
"""A Job that deletes itself earlier would look as if it had never run; longer than any validation window (1 h)."""

MANUAL: Final = "cronjob.kubernetes.io/instantiate"
"""kubectl's annotation of a Job that a person made from a CronJob."""

STEPS: Final = 2
"""Made, and finished."""


class RunJob:
    """Makes one Job, waits for its end, and judges by that end and by the report."""

    name: str = ActionName.RUN_JOB
    reversibility = Reversibility.IRREVERSIBLE

    def rights(self, target: CronJobState, plan: Plan) -> tuple[Right, ...]:
        """To make Jobs, and to stop one that a person no longer wants."""
        return tuple(Right(verb, JOBS, target.ref.namespace) for verb in ("create", "delete"))

    def objection(self, target: CronJobState, plan: Plan) -> Refusal | None:
        """Its owner must offer it, and its end must be there to be seen."""
        if not target.offered:
            return Refusal(
                Reason.ACTION_NOT_ALLOWED,
                f'{target.ref} has no annotation {OFFERED}: "true", by which its owner offers it as a remedy',
            )
        if target.forgets:
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"{target.ref} has a history limit of 0: its Job would be removed before its end is seen",
            )
        if target.concurrency != "Allow" and target.active:
            return Refusal(
                Reason.JOB_RUNNING,
                f"{target.ref} has concurrencyPolicy {target.concurrency}, and Job {', '.join(target.active)} runs",
                CONCURRENT_AGAIN,
            )
        return None

    def change(self, target: CronJobState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Name the Job."""
        return Change(before={"job": ""}, after={"job": job_name(target.ref.name, token)}, token=token)

    def disruption(self, target: CronJobState, plan: Plan) -> Disruption:
        """Known to the Job's owner alone."""
        return Disruption(0, 0, "no pod is disturbed by the Job's start; what it does is its owner's matter")

    def way_back(self, target: CronJobState, plan: Plan) -> str:
        """There is none."""
        return "Nothing is put back: what the Job has done stays. While it runs, cancelling the request deletes it."

    def time_limit(self, plan: Plan) -> timedelta:
        """For the whole run."""
        return TIME

    def progress(self, target: CronJobState, plan: Plan, change: Change) -> Progress:
        """The Job with the request's label tells."""
        job = target.job_of(change.token)
        if job is not None:
            return Progress.DONE if job.finished else Progress.UNDER_WAY
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    def undo(self, target: CronJobState, plan: Plan, change: Change) -> Undo:
        """A Job that still runs is stopped; its effects stay."""
        job = target.job_of(change.token)
        if job is None or job.deleting:
            return Undo.GONE
        return Undo.NOTHING if job.finished else Undo.DUE

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """A Job that failed has not helped; one that completed is judged by the report, at the window's end."""
        target = effect.target
        if not isinstance(target, CronJobState):
            return Verdict(Reason.INCONCLUSIVE, "the CronJob is gone, and with it how its Job ended")
        job = target.job_of(effect.token)
        # A look that was followed by another has seen it complete, since a failure is judged at once. Its CronJob's
        # controller may have taken it away since, by its history limit.
        was_complete = effect.previous is not None
        if not was_complete and (job is None or not job.finished):
            return Verdict(Reason.INCONCLUSIVE, "the Job is gone: nobody can say how it ended")
        if job is not None and job.failure:
            return Verdict(Reason.INEFFECTIVE, f"Job {job.name} failed: {job.failure}"[:1024])
        if now < effect.until:
            return None
        done = f"Job {job_name(effect.plan.target.name, effect.token)} completed, and"
        match still_active(effect, now):
            case None:
                return Verdict(Reason.INCONCLUSIVE, f"{done} the window ended without a fresh report since")
            case True:
                return Verdict(Reason.INEFFECTIVE, f"{done} the report is still active")
            case False:
                return Verdict(Reason.SUCCEEDED, f"{done} the report is not active any more")

    async def rehearse(self, cluster: Cluster, target: CronJobState, plan: Plan, change: Change) -> Rehearsal:
        """Dry-run the creation, and say what would run."""
        body = job_body(target, change)
        try:
            await cluster.create(JOBS, body, target.ref.namespace, dry_run=True)
        except (BadRequest, Forbidden, Invalid) as error:
            return Rehearsal(refusals=(dry_run_refused(error),))
        return Rehearsal(_lines(body))

    async def execute(self, cluster: Cluster, target: CronJobState, plan: Plan, change: Change) -> Made:
        """Make the Job, or wait for its end."""
        job = target.job_of(change.token)
        if job is not None:
            return Made(_running(target, job.name, job), again=LOOK_AGAIN)
        body, name = job_body(target, change), change.after["job"]
        try:
            await cluster.create(JOBS, body, target.ref.namespace)
        except AlreadyExists:
            found = await cluster.find(JOBS, name, target.ref.namespace)
            if found is not None and (found["metadata"].get("labels") or {}).get(TOKEN) != change.token:
                taken = f"Job {target.ref.namespace}/{name} is there already, and not made by this request"
                return Made(stop=Refusal(Reason.STALE_TARGET, taken))
        return Made(_running(target, name, None), again=LOOK_AGAIN)

    async def rollback(self, cluster: Cluster, target: CronJobState, plan: Plan, change: Change) -> None:
        """Delete our own Job that still runs, with its pods."""
        job = target.job_of(change.token)
        if job is None:
            return
        try:
            await cluster.delete(JOBS, job.name, target.ref.namespace, uid=job.uid)
        except (NotFound, Conflict):
            return  # it is gone, or a namesake is there: not ours


def job_name(cronjob: str, token: str) -> str:
    """Return the Job's name; a CronJob's has 52 characters at most, and a Job's may have 63."""
    return f"{cronjob[:54]}-{token[:8]}"


def job_body(target: CronJobState, change: Change) -> dict[str, Any]:
    """Return the Job to create."""
    template = target.body["spec"]["jobTemplate"]
    metadata, spec = template.get("metadata") or {}, dict(template["spec"])
    if "ttlSecondsAfterFinished" in spec:
        spec["ttlSecondsAfterFinished"] = max(spec["ttlSecondsAfterFinished"], KEPT_SECONDS)
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": change.after["job"],
            "namespace": target.ref.namespace,
            "labels": {**(metadata.get("labels") or {}), TOKEN: change.token},
            "annotations": {MANUAL: "manual", **(metadata.get("annotations") or {})},
            # As kubectl: without blockOwnerDeletion, which would need a right to the CronJob's finalizers.
            "ownerReferences": [
                {
                    "apiVersion": target.ref.api_version,
                    "kind": target.ref.kind,
                    "name": target.ref.name,
                    "uid": target.ref.uid,
                    "controller": True,
                }
            ],
        },
        "spec": spec,
    }


def _lines(body: dict[str, Any]) -> tuple[str, ...]:
    """Say what runs, for whoever decides."""
    containers = body["spec"]["template"]["spec"]["containers"]
    lines = [f"Job {body['metadata']['namespace']}/{body['metadata']['name']}: (none) → made"]
    for one in containers:
        command = " ".join([*one.get("command", ()), *one.get("args", ())])
        lines.append(f"container {one['name']}: {one['image']} {command}".rstrip())
    return tuple(line[:512] for line in lines[:20])


def _running(target: CronJobState, name: str, job: JobState | None) -> ExecutionProgress:
    pods = f" ({job.running} pods run)" if job else ""
    return ExecutionProgress(
        total=STEPS,
        done=1,
        remaining=(f"{target.ref.namespace}/{name}",),
        waiting_for=f"Job {target.ref.namespace}/{name} to finish{pods}",
    )
