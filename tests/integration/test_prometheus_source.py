"""Our queries against a real Prometheus that scrapes cAdvisor's names, and with faults on the way."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faults.proxy import AlterJson, Delay, FaultProxy, Reset, Rule, Status, Truncate
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from podvigil.api.features import Feature
from podvigil.api.monitor import AnomalyMonitor
from podvigil.collect.columns import Column, parse_key
from podvigil.collect.errors import BadAnswer, PartialAnswer, SourceError, Unreachable, WrongLabels
from podvigil.collect.prometheus import PrometheusSource
from podvigil.collect.queries import query_for
from podvigil.controllers.monitor.sources import FEATURES, open_source
from samples import monitor

UP = "vector(1)"
NO_SECRET: Any = None
"""Stands for the cluster, which is asked for a token alone."""


@pytest.fixture
def source(kwok_cluster: KwokCluster) -> Iterator[PrometheusSource]:
    one = PrometheusSource(kwok_cluster.prometheus.url)
    yield one
    one.close()


@pytest.fixture
def proxy(kwok_cluster: KwokCluster) -> Iterator[FaultProxy]:
    with FaultProxy(kwok_cluster.prometheus.url) as one:
        yield one


def test_a_private_ca_is_known_by_the_setting(control_plane: ControlPlane, tmp_path: Path) -> None:
    """Any server with a certificate of its own CA will do: the API server's is one."""

    def answer(ca_file: Path | None) -> SourceError:
        spec = AnomalyMonitor.model_validate(monitor()).spec

        async def asked() -> None:
            opened = await open_source(
                spec, NO_SECRET, default_url=control_plane.url, ca_file=ca_file, namespace="podvigil-system"
            )
            try:
                await opened.now(("shop",), datetime.now(UTC))
            finally:
                opened.close()

        with pytest.raises(SourceError) as caught:
            asyncio.run(asked())
        return caught.value

    known = answer(control_plane.ca_file)
    assert isinstance(known, BadAnswer)
    assert known.status == 403, "it answered; what it is asked for it does not have"
    for other, why in ((None, "certificate"), (tmp_path / "none.crt", "none.crt")):
        unknown = answer(other)
        assert isinstance(unknown, Unreachable)
        assert why in str(unknown)


def ask(source: PrometheusSource, feature: Feature, namespace: str) -> Column:
    return source.query(query_for(feature, [namespace], 2.0, scrape_seconds=2.0), time.time()).whole()


def test_every_vital_of_every_pod_comes_in(
    source: PrometheusSource, kwok_cluster: KwokCluster, namespace: str
) -> None:
    pods = set(kwok_cluster.deploy(namespace, "web", replicas=2))

    def seen() -> bool:
        columns = [ask(source, feature, namespace) for feature in FEATURES]
        return all(len(column.keys) == 2 and np.isfinite(column.values).all() for column in columns)

    wait_until(seen, "both pods have all six vitals", deadline_seconds=60)
    for feature in FEATURES:
        column = ask(source, feature, namespace)
        keys = [parse_key(key) for key in column.keys]
        assert {(key.namespace, key.name) for key in keys} == {(namespace, pod) for pod in pods}
    # The same label bytes in every vital: they are what slots are found by.
    assert set(ask(source, Feature.CPU, namespace).keys) == set(ask(source, Feature.MEMORY, namespace).keys)
    memory = ask(source, Feature.MEMORY, namespace).values
    assert ((memory > 50 * 2**20) & (memory < 500 * 2**20)).all()
    assert (ask(source, Feature.RESTARTS, namespace).values == 0).all()

    end = float(int(time.time()))
    matrix = source.query_range(query_for(Feature.MEMORY, [namespace], 2.0), end - 600, end, 2.0).whole()
    assert matrix.values.shape == (2, 301)
    assert np.isfinite(matrix.values[:, -1]).all()
    assert np.isnan(matrix.values[:, 0]).all()  # before the pods were made


def test_a_namespace_without_pods_is_an_empty_column(source: PrometheusSource, namespace: str) -> None:
    assert ask(source, Feature.CPU, namespace).keys == []


def test_a_broken_query_is_told_in_the_words_of_prometheus(source: PrometheusSource) -> None:
    with pytest.raises(BadAnswer, match=r"400 Bad Request: bad_data: .*parse error.* Correct the query"):
        source.query("sum(", time.time())
    with pytest.raises(BadAnswer, match="422"):
        source.query('label_replace(up, "0", "", "", "(")', time.time())


def test_a_scalar_is_no_column(source: PrometheusSource) -> None:
    with pytest.raises(BadAnswer, match="not the answer to a query"):
        source.query("1", time.time())


def test_series_that_name_no_pod_are_told(source: PrometheusSource) -> None:
    column = source.query(UP, time.time())
    with pytest.raises(WrongLabels, match="no label namespace and no label pod"):
        parse_key(column.keys[0], column.source, column.query)


def test_what_is_no_number_is_missing(source: PrometheusSource) -> None:
    for query in ("vector(1) / vector(0)", "vector(0) / vector(0)", "-vector(1) / vector(0)"):
        assert np.isnan(source.query(query, time.time()).values).all()


def test_a_long_query_is_answered_too(source: PrometheusSource) -> None:
    names = [f"namespace-{number}" for number in range(500)]
    query = query_for(Feature.MEMORY, names, 30.0)
    assert len(query) > 5_000
    assert source.query(query, time.time()).keys == []


def test_a_server_that_comes_back_is_asked_again(proxy: FaultProxy) -> None:
    proxy.add(Rule(Status(503, "starting"), times=1))
    proxy.add(Rule(Reset(), times=1))
    assert PrometheusSource(proxy.url).query(UP, time.time()).values.tolist() == [1.0]
    assert [call.status for call in proxy.calls] == [503, 0, 200]


def test_a_slow_server_is_given_up_on(proxy: FaultProxy) -> None:
    proxy.add(Rule(Delay(30.0)))
    began = time.monotonic()
    with pytest.raises(Unreachable, match="no answer"):
        PrometheusSource(proxy.url, timeout_seconds=0.5).query(UP, time.time())
    assert time.monotonic() - began < 20


def test_half_an_answer_is_none(proxy: FaultProxy) -> None:
    proxy.add(Rule(Truncate(30)))
    with pytest.raises(Unreachable):
        PrometheusSource(proxy.url).query(UP, time.time())


def test_partial_data_is_not_taken_for_all(proxy: FaultProxy) -> None:
    def as_thanos(body: Any) -> Any:
        return {**body, "warnings": ["receive series from store-2: connection refused"]}

    proxy.add(Rule(AlterJson(as_thanos)))
    column = PrometheusSource(proxy.url).query(UP, time.time())
    with pytest.raises(PartialAnswer, match="store-2"):
        column.whole()


def test_an_outage_ends(kwok_cluster: KwokCluster, source: PrometheusSource) -> None:
    source.query(UP, time.time())
    kwok_cluster.prometheus.stop()
    try:
        with pytest.raises(Unreachable, match="Connection refused"):
            source.query(UP, time.time())
    finally:
        kwok_cluster.prometheus.restart()
    assert source.query(UP, time.time()).values.tolist() == [1.0]
