"""Ask a real server, while it is recorded, all that the embedded one will be asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from kubernetes.client import ApiextensionsV1Api, AppsV1Api, BatchV1Api, CustomObjectsApi

from kwlab.history import History, Resource
from kwlab.server.watchcache import FRESH_SECONDS
from tests import rig_loops
from tests.realserver import ANSWER_SECONDS, Answer, RealServer
from tests.rig_questions import (
    ALL,
    AT_ONCE,
    HEADS,
    IN_FORMS,
    INITIAL,
    MAPS,
    OTHER_METHODS,
    STRANGE,
    WHILE_CHANGING,
)
from tests.rig_recording import Recorder, path_of, versions_of

CUSTOM: Final = (
    Resource("example.com", "v1", "widgets", "Widget"),
    Resource("example.com", "v1", "gadgets", "Gadget", is_namespaced=False),
)
RESOURCES: Final = (
    Resource("", "v1", "pods", "Pod"),
    Resource("", "v1", "configmaps", "ConfigMap"),
    Resource("apps", "v1", "deployments", "Deployment"),
    Resource("", "v1", "serviceaccounts", "ServiceAccount"),
    Resource("", "v1", "services", "Service"),
    Resource("", "v1", "nodes", "Node", is_namespaced=False),
    Resource("", "v1", "namespaces", "Namespace", is_namespaced=False),
    Resource("", "v1", "secrets", "Secret"),
    Resource("", "v1", "replicationcontrollers", "ReplicationController"),
    Resource("", "v1", "events", "Event"),
    Resource("events.k8s.io", "v1", "events", "Event"),
    Resource("batch", "v1", "jobs", "Job"),
    *CUSTOM,
)
CONFIGMAPS, ACCOUNTS = RESOURCES[1], RESOURCES[3]
ACCOUNTS_PATH: Final = "/api/v1/namespaces/crit-b/serviceaccounts"
OVER_AT_ONCE: Final = (
    f"{MAPS}?watch=1&timeoutSeconds=-1",
    f"{MAPS}?watch=1&timeoutSeconds=-1&{INITIAL}",
)


@dataclass
class Asked:
    """Hold one question, when it was asked, and what the real server said."""

    method: str
    target: str
    at: float
    answer: Answer
    accept: str = ""


@dataclass
class Told:
    """Hold what one real server was asked while it was recorded."""

    asked: dict[str, Asked] = field(default_factory=dict)
    pages: list[Asked] = field(default_factory=list)
    borders: list[Asked] = field(default_factory=list)
    over_at_once: dict[str, set[bytes]] = field(default_factory=dict)
    in_forms: dict[tuple[str, str], Asked] = field(default_factory=dict)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    captures: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: History | None = None


def past_that_is_forgotten(server: RealServer) -> Mapping[str, str]:
    """Make what exists at the start, let etcd forget how, and empty the API server's cache."""
    for name in ("crit-b", "crit-b-x"):
        server.core.create_namespace({"metadata": {"name": name}})
    furnish(server)
    furnish_types(server)
    page = json.loads(server.ask(f"{MAPS}?limit=2").body)["metadata"]
    server.core.patch_namespaced_config_map("m", "crit-b", {"data": {"k": "forgotten"}})
    server.do("compact")
    server.do("kill")
    server.do("start")
    for resource in RESOURCES:
        wait_for(server, path_of(resource))
    return {"old": page["resourceVersion"], "old_token": page["continue"]}


def furnish(server: RealServer) -> None:
    text = "Größe <b> & „Zeit“ ☃ \u2028"
    for namespace in ("crit-b", "crit-b-x"):
        for number, name in enumerate(("m0", "m", "m-1", "m.1")):
            labels = {"app": ("web", "db")[number % 2], "size": str(number * 2)}
            value = {"metadata": {"name": name, "labels": labels}, "data": {"k": text}}
            server.core.create_namespaced_config_map(namespace, value)
        for name in ("m", "m-1", "other"):
            server.core.create_namespaced_pod(
                namespace, pod(name, node="n1" if name == "m" else "")
            )
    server.core.create_namespaced_service_account("crit-b", {"metadata": {"name": "s"}})
    body = {
        "metadata": {"name": "d", "labels": {"app": "web"}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }
    AppsV1Api(server.client()).create_namespaced_deployment("crit-b", body)


def furnish_types(server: RealServer) -> None:
    """Make one or two objects of each type that has fields of its own to select by."""
    core, api = server.core, server.client()
    template = pod("t")
    core.create_namespaced_service(
        "crit-b", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    )
    core.create_namespaced_secret("crit-b", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    for name in ("n1", "n2"):
        core.create_node({"metadata": {"name": name}, "spec": {"unschedulable": name == "n2"}})
    core.create_namespaced_replication_controller(
        "crit-b",
        {"metadata": {"name": "r"}, "spec": {"selector": {"app": "web"}, "template": template}},
    )
    once = {"spec": {**template["spec"], "restartPolicy": "Never"}}
    BatchV1Api(api).create_namespaced_job(
        "crit-b", {"metadata": {"name": "j"}, "spec": {"template": once}}
    )
    about = {"kind": "Pod", "namespace": "crit-b", "name": "m"}
    whole = {**about, "uid": "u1", "apiVersion": "v1", "resourceVersion": "7", "fieldPath": "spec"}
    for more in (
        {"involvedObject": whole, "reason": "Why", "source": {"component": "kubelet"}},
        {"involvedObject": about, "type": "Warning", "reportingComponent": "later"},
    ):
        core.create_namespaced_event("crit-b", {"metadata": {"generateName": "e-"}, **more})
    addresses = {"podIP": "10.1.1.1", "podIPs": [{"ip": "10.1.1.1"}, {"ip": "fd00::1"}]}
    core.patch_namespaced_pod_status("m-1", "crit-b", {"status": addresses})
    for kind, scope in (("Widget", "Namespaced"), ("Gadget", "Cluster")):
        ApiextensionsV1Api(api).create_custom_resource_definition(custom(kind, scope))
    for resource in CUSTOM:
        wait_for(server, path_of(resource))
    CustomObjectsApi(api).create_namespaced_custom_object(
        "example.com",
        "v1",
        "crit-b",
        "widgets",
        {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}},
    )


def custom(kind: str, scope: str) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True}
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": scope,
            "names": {"plural": plural, "kind": kind, "singular": kind.lower()},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def wait_for(server: RealServer, path: str) -> None:
    """Wait until a resource that was just defined is served."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while server.ask(path).status != 200:
        assert time.monotonic() < deadline, path
        time.sleep(0.05)


def pod(name: str, *, node: str = "") -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "example.com/i:1"}]}
    if node:
        spec["nodeName"] = node
    return {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec}


@dataclass
class Asking:
    """Ask a recorded server: while nothing changes, and while things do."""

    recorder: Recorder
    told: Told
    old: Mapping[str, str]
    seed: int

    def everything(self) -> None:
        self.change_accounts(80)
        old_enough = time.monotonic() + FRESH_SECONDS + 1.0
        self.change()
        self.at_once()
        self.while_changing()
        server = self.recorder.server
        self.told.captures = rig_loops.capture(server, server.new_namespace("random"), self.seed)
        # Only what is older than this leaves the window, by the server's clock.
        time.sleep(max(0.0, old_enough - time.monotonic()))
        self.change_accounts(40)
        self.at_the_borders()

    def change_accounts(self, number: int) -> None:
        core = self.recorder.server.core
        for count in range(number):
            body = {"metadata": {"annotations": {"count": f"{number} {count}"}}}
            core.patch_namespaced_service_account("s", "crit-b", body)

    def at_the_borders(self) -> None:
        """Ask around the oldest resourceVersion that is answered: after a restart, and later."""
        first = self.facts()["first"]
        for path in (MAPS, ACCOUNTS_PATH):
            old = self.old["old"] if path == MAPS else first
            refused = self.ask("GET", f"{path}?watch=1&resourceVersion={old}", {})
            (line,) = refused.answer.lines
            border = int(line.value["object"]["message"].partition("(")[2][:-1])
            for version in (border - 1, border, border + 1):
                target = f"{path}?watch=1&timeoutSeconds=1&resourceVersion={version}"
                self.told.borders.append(self.ask("GET", target, {}))

    def facts(self) -> dict[str, str]:
        now = int(self.recorder.settle()[CONFIGMAPS])
        history = self.recorder.history()
        mine = list(versions_of(history, CONFIGMAPS))
        return {
            **self.old,
            "now": str(now),
            "first": history.resource_version,
            "middle": str(mine[len(mine) // 2]),
            "near": str(now + 4),
            "far": str(now + 1_000_000),
        }

    def at_once(self) -> None:
        facts = self.facts()
        asked = [("GET", target) for target in (*AT_ONCE, *STRANGE)] + list(OTHER_METHODS)
        with ThreadPoolExecutor(16) as pool:
            done = pool.map(lambda one: self.ask(*one, facts), asked)
        for one, (method, target) in zip(done, asked, strict=True):
            self.told.asked[f"{method} {target}"] = one
        self.over_at_once()
        self.in_forms(facts)
        self.told.pages = list(self.through_pages())

    def in_forms(self, facts: Mapping[str, str]) -> None:
        server = self.recorder.server
        with ThreadPoolExecutor(16) as pool:
            answers = pool.map(lambda it: self.ask("GET", it[0], facts, it[1]), IN_FORMS)
            self.told.in_forms = dict(zip(IN_FORMS, answers, strict=True))
            self.told.heads = dict(zip(HEADS, pool.map(server.exchange, HEADS), strict=True))

    def ask(self, method: str, target: str, facts: Mapping[str, str], accept: str = "") -> Asked:
        target = target.format(**facts)
        headers = {"Accept": accept} if accept else {}
        answer = self.recorder.server.ask(target, method=method, headers=headers)
        return Asked(method, target, self.recorder.at(answer.asked), answer, accept)

    def over_at_once(self) -> None:
        for target in OVER_AT_ONCE:
            answers = [self.ask("GET", target, {}).answer for _ in range(20)]
            self.told.over_at_once[target] = {one.body for one in answers}

    def through_pages(self) -> Iterator[Asked]:
        """Turn pages while things change, and go on with a token that is too old."""
        for target in (f"{MAPS}?limit=3", f"{ALL}?limit=3", f"{ALL}?limit=2&labelSelector=app"):
            token = ""
            while token is not None:
                one = self.ask("GET", f"{target}&continue={token}", {})
                yield one
                token = json.loads(one.answer.body)["metadata"].get("continue")
                if token and target.startswith(MAPS):
                    self.change()
                    self.recorder.settle()
        one = self.ask("GET", f"{MAPS}?limit=1&continue={self.old['old_token']}", {})
        yield one
        token = json.loads(one.answer.body)["metadata"]["continue"]
        yield self.ask("GET", f"{MAPS}?limit=1&continue={token}", {})

    def while_changing(self) -> None:
        facts = self.facts()
        with ExitStack() as stack:
            for target in WHILE_CHANGING:
                filled = target.format(**facts)
                answer = stack.enter_context(self.recorder.server.asking(filled))
                at = self.recorder.at(answer.asked)
                self.told.asked[f"GET {target}"] = Asked("GET", filled, at, answer)
            self.change()
            for target in WHILE_CHANGING:
                self.told.asked[f"GET {target}"].answer.wait_for_end()

    def change(self) -> None:
        """Cross selectors' boundaries, delete, recreate, and change nothing at all."""
        core = self.recorder.server.core
        for labels in ({"app": "db"}, {"app": "web"}, {"tier": "front"}, {"tier": None}):
            core.patch_namespaced_config_map("m", "crit-b", {"metadata": {"labels": labels}})
        for labels in ({"app": "web"}, {"app": None}, {"app": "db"}):
            core.patch_namespaced_config_map("m", "crit-b-x", {"metadata": {"labels": labels}})
        core.patch_namespaced_config_map("m", "crit-b", {})
        for namespace in ("crit-b", "crit-b-x"):
            core.delete_namespaced_config_map("m-1", namespace)
            value = {"metadata": {"name": "m-1", "labels": {"app": "web"}}, "data": {"é": "<"}}
            value["data"] = {"k": "<é>"}
            core.create_namespaced_config_map(namespace, value)
        core.patch_namespaced_pod_status("other", "crit-b", {"status": {"phase": "Running"}})
        core.patch_namespaced_pod_status("other", "crit-b", {"status": {"phase": "Pending"}})
        core.delete_namespaced_pod("m", "crit-b", grace_period_seconds=30)
        core.delete_namespaced_pod("m", "crit-b", grace_period_seconds=0)
        core.create_namespaced_pod("crit-b", pod("m", node="n1"))
