import pytest

from podvigil.api.resources import (
    ANOMALYMONITORS,
    MUTATINGADMISSIONPOLICIES,
    NODES,
    PODS,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    NoSuchName,
    ObjectRef,
)


def test_paths() -> None:
    assert PODS.path() == "/api/v1/pods"
    assert PODS.path("shop") == "/api/v1/namespaces/shop/pods"
    assert PODS.path("shop", "web-1", "eviction") == "/api/v1/namespaces/shop/pods/web-1/eviction"
    assert NODES.path(name="n1") == "/api/v1/nodes/n1"
    assert ANOMALYMONITORS.path(name="m") == "/apis/podvigil.io/v1alpha1/anomalymonitors/m"
    assert MUTATINGADMISSIONPOLICIES.plural == "mutatingadmissionpolicies"
    assert VALIDATINGADMISSIONPOLICYBINDINGS.plural == "validatingadmissionpolicybindings"


def test_a_name_cannot_lead_elsewhere() -> None:
    assert PODS.path("shop", "web?x") == "/api/v1/namespaces/shop/pods/web%3Fx"


@pytest.mark.parametrize("name", [".", "..", "../secrets", "%2e%2e"])
def test_what_is_no_name_of_an_object_is_refused(name: str) -> None:
    with pytest.raises(NoSuchName, match="no name of an object"):
        NODES.path(name=name)
    with pytest.raises(NoSuchName, match="no name of an object"):
        PODS.path(name, "web-1")


@pytest.mark.parametrize(
    "arguments",
    [("", "web-1"), (None, "web-1"), ("shop", ""), ("shop", None, "status")],
    ids=["empty-namespace", "no-namespace", "empty-name", "subresource-of-nothing"],
)
def test_half_an_address_is_refused(arguments: tuple[str | None, ...]) -> None:
    with pytest.raises(ValueError, match="needed"):
        PODS.path(*arguments)


def test_a_cluster_scoped_kind_takes_no_namespace() -> None:
    with pytest.raises(ValueError, match="no namespace"):
        NODES.path("shop")


def test_a_reference_is_read_from_an_object() -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "uid": "u"}}
    assert ObjectRef.of(body) == ObjectRef("v1", "Pod", "web", "shop", "u")
    assert str(ObjectRef.of(body)) == "Pod shop/web"
