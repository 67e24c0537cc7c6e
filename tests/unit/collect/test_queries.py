import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.api.features import Feature
from podvigil.api.reasons import Reason
from podvigil.collect.errors import Unaskable
from podvigil.collect.queries import namespace_matcher, query_for, rate_window_seconds
from podvigil.collect.volumes import fullness_query, mounted_query


@pytest.mark.parametrize("feature", sorted(set(Feature) - {Feature.STORAGE}))
def test_every_vital_has_a_query_per_pod(feature: Feature) -> None:
    query = query_for(feature, ["shop"], 30.0)
    assert "sum by (namespace, pod) (" in query
    assert 'namespace="shop"' in query


def test_volumes_have_queries_of_their_own() -> None:
    with pytest.raises(ValueError, match="by claim"):
        query_for(Feature.STORAGE, ["shop"], 30.0)


def test_a_volume_is_full_when_nothing_is_available() -> None:
    # What a file system keeps for root is neither used nor available. Of a block device nothing is known, and what
    # is only read is full on purpose.
    full = fullness_query(["shop"])
    assert full == (
        "max by (namespace, persistentvolumeclaim) (1 - "
        'kubelet_volume_stats_available_bytes{namespace="shop"} '
        '/ (kubelet_volume_stats_capacity_bytes{namespace="shop"} > 0) '
        'and kubelet_volume_stats_used_bytes{namespace="shop"} > 0) '
        "unless on (namespace, persistentvolumeclaim) "
        'kube_persistentvolumeclaim_access_mode{namespace="shop",access_mode="ReadOnlyMany"} == 1'
    )
    assert mounted_query(["shop"]) == (
        "max by (namespace, pod, persistentvolumeclaim) "
        '(kube_pod_spec_volumes_persistentvolumeclaims_info{namespace="shop"}) '
        f"* on (namespace, persistentvolumeclaim) group_left () ({full})"
    )


def test_cpu_is_a_rate_of_real_containers() -> None:
    assert query_for(Feature.CPU, ["shop", "bank"], 15.0, scrape_seconds=5.0) == (
        "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total"
        '{namespace=~"bank|shop",container!="",container!="POD"}[60s]))'
    )


def test_network_series_need_no_container() -> None:
    query = query_for(Feature.NETWORK_RECEIVE, None, 15.0)
    assert "container!" not in query
    assert 'namespace!="",pod!="",interface!="lo"' in query


@pytest.mark.parametrize(
    ("interval", "scrape", "window"),
    [
        pytest.param(15, 5, 60, id="never-under-a-minute"),
        pytest.param(15, 30, 120, id="four-scrapes"),
        pytest.param(600, 30, 1200, id="two-intervals"),
        pytest.param(30.2, 15.1, 61, id="whole-seconds-rounded-up"),
    ],
)
def test_rate_window(interval: float, scrape: float, window: int) -> None:
    assert rate_window_seconds(interval, scrape) == window


@pytest.mark.parametrize("names", [[], ['a"} or up{b="'], ["a|b"], [".*"], ["A"], [""], ["a" * 64], ["a\n"]])
def test_nothing_is_smuggled_into_a_query(names: list[str]) -> None:
    with pytest.raises(Unaskable, match="namespace") as caught:
        namespace_matcher(names)
    assert caught.value.reason is Reason.INVALID_SPEC


@given(st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True), min_size=1))
def test_valid_names_stand_as_they_are(names: list[str]) -> None:
    matcher = namespace_matcher(names)
    assert set(matcher.split('"')[1].split("|")) == set(names)
