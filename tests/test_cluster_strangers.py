"""What kwlab leaves alone in a namespace that it made itself: whatever somebody else put there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from kubernetes import client

import kwlab
from kwlab.cluster import connection, strangers
from kwlab.cluster.connection import Connection, connect
from kwlab.cluster.namespace import Namespace
from kwlab.commands import main
from kwlab.errors import ClusterError
from tests import watch_functions as functions
from tests.live import CONTEXT, LiveCluster, live_cluster

pytestmark = pytest.mark.needs("rig")

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LiveCluster]:
    with live_cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _kubeconfig(cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.server.kubeconfig)


@pytest.fixture
def place(cluster: LiveCluster) -> Namespace:
    """Lend a namespace that kwlab made, with what controllers put into it."""
    made = Namespace(connect(CONTEXT), f"kept-{next(_numbers)}")
    made.claim()
    cluster.controllers.wait_for(made.name)
    return made


_METADATA: Final = {"name": "theirs"}
_LABELS: Final = {"app": "web"}
_TEMPLATE: Final = {
    "metadata": {"labels": _LABELS},
    "spec": {"containers": [{"name": "a", "image": "b"}]},
}
THINGS: Final[dict[str, Callable[[Any, str], object]]] = {
    "configmaps/theirs": lambda to, where: client.CoreV1Api(to).create_namespaced_config_map(
        where, {"metadata": {**_METADATA, "labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    ),
    "secrets/theirs": lambda to, where: client.CoreV1Api(to).create_namespaced_secret(
        where, {"metadata": _METADATA, "stringData": {"password": "SEKRIT"}}
    ),
    "serviceaccounts/theirs": lambda to, where: client.CoreV1Api(
        to
    ).create_namespaced_service_account(where, {"metadata": _METADATA}),
    "deployments.apps/theirs": lambda to, where: client.AppsV1Api(to).create_namespaced_deployment(
        where,
        {
            "metadata": _METADATA,
            "spec": {"selector": {"matchLabels": _LABELS}, "template": _TEMPLATE},
        },
    ),
    "leases.coordination.k8s.io/theirs": lambda to, where: client.CoordinationV1Api(
        to
    ).create_namespaced_lease(where, {"metadata": _METADATA}),
}


@pytest.mark.parametrize("thing", THINGS)
def test_what_somebody_else_put_there_stays(
    thing: str, cluster: LiveCluster, place: Namespace
) -> None:
    """The namespace is kept for it, of whatever type it is; without it the namespace goes."""
    THINGS[thing](cluster.server.client(), place.name)
    assert place.release()
    assert (
        f"{place.name} of admin is kept, though kwlab made it: somebody else put {thing} there"
        in place.kept
    )
    assert f"python -m kwlab clean --context admin --namespace {place.name}" in place.kept
    assert "SEKRIT" not in place.kept
    assert cluster.is_there(place.name)


def test_what_every_namespace_has_keeps_none(cluster: LiveCluster, place: Namespace) -> None:
    """kube-root-ca.crt, the default account and events are nobody's work."""
    about = {"kind": "Namespace", "name": place.name}
    metadata = {"name": "e", "namespace": place.name}
    about["namespace"] = place.name
    cluster.core.create_namespaced_event(
        place.name, {"metadata": metadata, "involvedObject": about, "reason": "Tested"}
    )
    names = {
        each.metadata.name for each in cluster.core.list_namespaced_config_map(place.name).items
    }
    assert {"kube-root-ca.crt"} == names
    assert place.release()
    assert "" == place.kept
    assert not cluster.is_there(place.name)


def test_our_objects_go_and_theirs_stay(
    cluster: LiveCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lab that ends takes its own away and says what it left; clean says the same, or ends it."""
    name = f"kept-{next(_numbers)}"
    with kwlab.open_lab(context=CONTEXT, namespace=name) as lab:
        lab.run(functions.correct(lab))
        for thing in list(THINGS.values()):
            thing(cluster.server.client(), name)
    assert [] == cluster.pods(name)
    said = capsys.readouterr().err.splitlines()[-1]
    assert "configmaps/theirs, secrets/theirs, serviceaccounts/theirs and more there" in said
    assert 0 == main(["clean", "--context", CONTEXT, "--namespace", name])
    assert said == capsys.readouterr().out.strip()
    there = cluster.core.list_namespaced_secret(name).items
    assert ["theirs"] == [each.metadata.name for each in there]
    remove_all(cluster, name)
    assert 0 == main(["clean", "--context", CONTEXT, "--namespace", name])
    assert not cluster.is_there(name)


def test_who_may_not_look_removes_no_namespace(
    cluster: LiveCluster, place: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody can see may be there: the line names what may not be listed, and who can help."""
    rights = client.RbacAuthorizationV1Api(cluster.server.client())
    subject = {"kind": "User", "name": "viewer", "apiGroup": "rbac.authorization.k8s.io"}
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "delete"]}
    pods = {"apiGroups": [""], "resources": ["pods", "configmaps"], "verbs": ["*"]}
    rights.create_cluster_role({"metadata": {"name": "half"}, "rules": [everything, pods]})
    rights.create_cluster_role_binding(
        {
            "metadata": {"name": "half"},
            "roleRef": {"kind": "ClusterRole", "name": "half", "apiGroup": subject["apiGroup"]},
            "subjects": [subject],
        }
    )
    half = Namespace(connect("viewer"), place.name)
    assert half.release()
    assert "viewer may not list" in half.kept
    assert f"kubectl --context viewer delete namespace {place.name}" in half.kept
    assert cluster.is_there(place.name)


def test_a_type_that_is_gone_meanwhile_holds_nothing(
    place: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A type that was discovered and is served no more is stepped over."""
    types = strangers._types

    def more(to: Connection) -> Iterator[tuple[str, str, str]]:
        yield "gone.test", "v1", "things"
        yield from types(to)

    monkeypatch.setattr(strangers, "_types", more)
    assert place.release()
    assert "" == place.kept


def test_looking_takes_no_longer_than_removing(
    place: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no time to look at all types, the namespace is kept."""
    with monkeypatch.context() as changed:
        changed.setattr(connection, "REMOVAL_SECONDS", 0.0)
        with pytest.raises(ClusterError, match="took more than 0 s"):
            list(strangers.found(place.connection, place.name))
    assert place.release()


def test_every_type_is_looked_at_once(place: Namespace) -> None:
    """Each type that can be listed in a namespace, in its preferred version, and no other."""
    types = list(strangers._types(place.connection))
    assert len(types) == len({(group, plural) for group, _, plural in types})
    assert {("", "v1", "secrets"), ("apps", "v1", "deployments")} <= set(types)
    assert not {"namespaces", "events", "tokenreviews"} & {plural for _, _, plural in types}


def remove_all(cluster: LiveCluster, name: str) -> None:
    to = cluster.server.client()
    core = client.CoreV1Api(to)
    core.delete_collection_namespaced_secret(name)
    core.delete_namespaced_config_map("theirs", name)
    core.delete_namespaced_service_account("theirs", name)
    client.AppsV1Api(to).delete_namespaced_deployment("theirs", name)
    client.CoordinationV1Api(to).delete_namespaced_lease("theirs", name)
