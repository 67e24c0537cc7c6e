"""Plays a scenario on a real control plane: the analyst's part by its own decision, the executor's by itself."""

import asyncio
import json
from typing import Any

from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import Memory, memory_of
from shop import ANALYST, APPROVER, SYSTEM, WINDOW, Json, end_window, forget_monitor, now, request_body
from stories.analyst import learn_from, propose_as_analyst
from stories.calls import calls
from stories.model import Past, Step
from stories.stage import Stage
from stories.world import end_long_ago, finish_restart, make


class Play(Stage):
    """One scenario from its first object to its end."""

    _memory: Memory | None = None
    """What the analyst has learnt from this story's requests so far."""

    def run(self) -> None:
        """Play it. Raises: AssertionError where it differs from the file, LocalClusterError on a time-out."""
        self._open()
        taken: list[str] = []
        try:
            self._take_away(taken)
            make(self._scenario.world, self._shop)
            self._report_fault()
            for number, past in enumerate(self._scenario.past):
                self._make_past(past, self._past_name(number))
            self._propose()
            if self._request is None:
                return
            self._compare_preflight()
            for step in self._scenario.before:
                self._take(step)
            self._decide()
            for step in self._scenario.then:
                self._take(step)
            self._compare_end(self._request)
        finally:
            for body in taken:
                self._cluster.kubectl("apply", "-f", "-", input=body)
            if self._scenario.fault.kind == "Node" and self._request is not None:
                # No other story shall wait for this one's node.
                self._cluster.kubectl("delete", "remreq", self._request, f"--namespace={SYSTEM}", check=False)
            for node in self._scenario.world.nodes:
                self._cluster.kubectl("delete", "node", node, "--wait=false", check=False)
            forget_monitor(self._cluster, self._namespace)
            self._cluster.kubectl("delete", "namespace", self._namespace, "--wait=false", check=False)

    def _take_away(self, taken: list[str]) -> None:
        """Delete what the world lacks, and add it to `taken` for afterwards."""
        for what in self._scenario.world.without:
            found = json.loads(self._cluster.kubectl("get", what, "-o", "json").stdout)
            for name in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
                found["metadata"].pop(name, None)
            taken.append(json.dumps(found))
            self._cluster.kubectl("delete", what)

    def _report_fault(self) -> None:
        fault, shop = self._scenario.fault, self._shop
        where = SYSTEM if fault.kind == "Node" else self._namespace
        target = self._read(f"{fault.kind.lower()}/{fault.name}")
        self._report = f"{fault.name}-{fault.signal.lower()}-{self._namespace}"
        about = {"apiVersion": target["apiVersion"], "kind": fault.kind, "name": fault.name}
        body = {
            "apiVersion": "podvigil.io/v1alpha1",
            "kind": "AnomalyReport",
            "metadata": {"name": self._report, "namespace": where},
            "spec": {
                "monitor": shop.monitor,
                "signal": fault.signal,
                "target": {**about, "uid": target["metadata"]["uid"]},
            },
        }
        self._cluster.kubectl("create", "-f", "-", input=json.dumps(body), user=ANALYST)
        self._judge("active", first_seen=now(-fault.since))

    def _propose(self) -> None:
        expected = self._scenario.proposal
        if expected.first is not None:
            self._ask(expected.first)
            for step in expected.freed:
                self._take(step)
        if expected.withheld is not None:
            self._ask(expected.withheld)
            assert not self._scenario.end, "nothing was proposed, so nothing can end"
            return
        proposal = self._by_hand() if self._scenario.request else self._ask(None)
        assert not isinstance(proposal, Refusal)
        plan = proposal["spec"]["plan"]
        assert plan["action"] == expected.action, plan
        if expected.parameters is not None:
            assert plan["parameters"] == expected.parameters
        self._cluster.kubectl("create", "-f", "-", input=json.dumps(proposal), user=ANALYST)
        self._request = proposal["metadata"]["name"]

    def _ask(self, withheld: str | None) -> Json | Refusal:
        """Ask the analyst until it proposes, or withholds for this reason: other stories' nodes may be a storm."""
        found: list[Json | Refusal] = []

        def is_as_told() -> bool:
            found[:] = [self._by_the_analyst()]
            return getattr(found[0], "reason", None) == withheld

        self._until(is_as_told, f"withheld: {withheld}", lambda: str(found))
        if isinstance(found[0], Refusal):
            assert all(text in found[0].message for text in self._scenario.proposal.says), found
        return found[0]

    def _by_the_analyst(self) -> Json | Refusal:
        report = AnomalyReport.model_validate(self._shop.get("anomalyreport", self._report))
        kubeconfig = self._cluster.kubeconfig(ANALYST)
        proposal = asyncio.run(propose_as_analyst(kubeconfig, report, self._monitor()))
        return proposal if isinstance(proposal, Refusal) else self._overridden(proposal)

    def _overridden(self, proposal: RemediationRequest) -> Json:
        """The proposal with the plan's overrides of the file."""
        body = proposal.dump()
        body["spec"]["plan"] |= {"validationWindow": WINDOW, **self._plan()}
        return body

    def _past_name(self, number: int) -> str:
        return f"past-{number}-{self._namespace}"

    def _make_past(self, past: Past, name: str) -> None:
        """Create an earlier request, and write what became of it."""
        plan = {"parameters": {"replicas": 3}} if past.action == "Scale" else {}
        body = self._body(name, past.action, **plan)
        self._cluster.kubectl("create", "-f", "-", input=json.dumps(body), user=ANALYST)
        if not past.open:
            end_long_ago(name, past.ago, self._shop)

    def _by_hand(self) -> Json:
        plan = {"validationWindow": WINDOW, **self._plan()}
        action = plan.pop("action", self._scenario.proposal.action)
        return self._body(None, action, **plan)

    def _body(self, name: str | None, action: str, **plan: Any) -> Json:
        """A request for the story's target, as a person's tool makes it."""
        fault = self._scenario.fault
        target = self._read(self._scenario.target or f"{fault.kind.lower()}/{fault.name}")
        metadata = target["metadata"]
        where = self._where()
        report = self._cluster.read(
            f"/apis/podvigil.io/v1alpha1/namespaces/{where}/anomalyreports/{self._report}"
        )
        about = {
            "apiVersion": target["apiVersion"],
            "kind": target["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "generation": metadata.get("generation", 0),
        }
        return request_body(
            name or f"{metadata['name']}-{action.lower()}-{self._namespace}",
            where,
            about,
            action=action,
            report={"name": self._report, "uid": report["metadata"]["uid"], "signal": fault.signal},
            monitor=self._shop.monitor,
            **plan,
        )

    def _plan(self) -> Json:
        plan = dict(self._scenario.plan)
        if (seconds := plan.pop("expiresIn", None)) is not None:
            plan["expiresAt"] = now(seconds)
        return plan

    def _compare_preflight(self) -> None:
        expected = self._scenario.preflight
        request = self._read_request()
        if expected is None:
            # One that expires within seconds may be looked at for the first time when it has.
            self._until(
                lambda: not {"preflight", "finishedAt"}.isdisjoint(self._status()), "the preflight is shown"
            )
            return
        wanted = sorted(expected.refusals)

        def refusals() -> list[str]:
            shown = self._status().get("preflight") or {"refusals": [{"reason": "not shown yet"}]}
            return sorted(r["reason"] for r in shown.get("refusals", ()))

        self._until(lambda: refusals() == wanted, f"{request}: refusals {wanted}", lambda: str(refusals()))
        found = self._status()["preflight"]
        said = " ".join(refusal["message"] for refusal in found.get("refusals", ()))
        assert all(text in said for text in expected.says), said
        if expected.pods_disturbed is not None:
            assert found["podsDisturbed"] == expected.pods_disturbed
        if expected.reversibility is not None:
            assert found["reversibility"] == expected.reversibility
        for beginning in expected.changes:
            assert any(line.startswith(beginning) for line in found["changes"]), found["changes"]
        for text in expected.notes:
            assert any(text in note for note in found.get("notes", ())), found.get("notes")

    def _decide(self) -> None:
        decision = self._scenario.decision
        if decision.decision == "Nothing":
            return
        if decision.decision == "Rule":
            self._take(Step(wait={"Approved": "True"}))
            assert self._read_request()["spec"]["approval"]["approvedBy"] == APPROVER
            return
        approval = {"decision": decision.decision, "approvedBy": decision.by}
        if decision.reason:
            approval["reason"] = decision.reason
        said = self._say({"approval": approval}, decision.by, check=decision.refused is None)
        if decision.refused is not None:
            assert decision.refused in said, said

    def _take(self, step: Step) -> None:  # noqa: PLR0912 - one case for each field
        given = {name: value for name, value in step.model_dump().items() if value is not None}
        assert len(given) == 1, f"a step has one field, this one has {sorted(given)}"
        shop = self._shop
        match given:
            case {"wait": conditions}:
                for kind, value in conditions.items():
                    self._until(
                        lambda kind=kind, value=value: self._conditions().get(kind, "").startswith(value),  # type: ignore[misc]
                        f"{kind} is {value}",
                        lambda: str(self._conditions()),
                    )
            case {"rolled": name}:
                shop.kubectl(
                    "rollout", "status", name if "/" in name else f"deployment/{name}", "--timeout=60s"
                )
            case {"judge": how}:
                self._judge(how)
                if self._request is not None:
                    end_window(self._cluster, self._where(), self._request)
            case {"patch": {"kind": kind, "name": name, "body": body}}:
                shop.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(body))
            case {"scale": counts}:
                for name, count in counts.items():
                    shop.kubectl("scale", f"deployment/{name}", f"--replicas={count}")
            case {"delete": what}:
                shop.kubectl("delete", *what.split("/"), "--wait=false")
            case {"apply": body}:
                self._apply(body)
            case {"cancel": user}:
                self._say({"cancellation": {"requestedBy": user}}, user)
            case {"rollback": user}:
                self._say({"rollback": {"requestedBy": user}}, user)
            case {"gone": what}:
                self._until(lambda: not self._is_there(what), f"{what} is gone")
            case {"break_pods": counts}:
                for name, count in counts.items():
                    for pod in self._pods(name)[:count]:
                        self._break(pod)
            case {"status": said}:
                shop.watch(**said)
            case {"rules": rules}:
                shop.set_rules(**rules)
            case {"holds": wanted}:
                for what, fields in wanted.items():
                    self._until(
                        lambda what=what, fields=fields: (  # type: ignore[misc]
                            {path: _at(self._read(what), path) for path in fields} == fields
                        ),
                        f"{what} has {fields}",
                        lambda what=what: str(self._read(what).get("status")),  # type: ignore[misc]
                    )
            case {"restarted": name}:
                finish_restart(name, shop)
            case {"learnt": wanted}:
                monitor = self._monitor()
                memory = self._memory or memory_of(monitor.status)
                self._memory, known = learn_from(memory, self._read_request(), monitor)
                assert {name: known[name] for name in wanted} == wanted, known
            case {"past_ended": seconds}:
                end_long_ago(self._past_name(0), seconds, shop)
            case {"progress": text}:
                self._until(
                    lambda: (
                        text in str(self._status().get("execution", {}).get("progress", {}).get("waitingFor"))
                    ),
                    f"it waits for {text}",
                    lambda: str(self._status().get("execution")),
                )

    def _compare_end(self, request: str) -> None:
        end = self._scenario.end
        if not end:
            return
        self._until(
            lambda: "finishedAt" in self._status(), f"{request} ends", lambda: str(self._conditions())
        )
        found = self._conditions()
        assert {kind: found.get(kind) for kind in end} == end, self._status().get("conditions")
        assert self._calls() == list(self._scenario.calls)
        for what, fields in self._scenario.state.items():
            body = self._read(what)
            for path, value in fields.items():
                assert _at(body, path) == value, f"{what}: {path} is {_at(body, path)}"

    def _calls(self) -> list[str]:
        world = self._scenario.world
        names = {workload.name for workload in world.workloads}
        nodes = {*world.nodes} if self._scenario.fault.kind == "Node" else set()
        return calls(self._cluster, self._namespace, names, nodes)


def _at(body: Json, path: str) -> Any:
    value: Any = body
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else (value or {}).get(part)
    return value
