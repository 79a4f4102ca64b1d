"""Objects of many shapes, for which a real server and the embedded one print the same Tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kwlab.history import Resource

LONG_AGO: Final = "2020-01-02T03:04:05Z"
LONGER_AGO: Final = "2011-01-02T03:04:05Z"
LONG_AGO_EXACTLY: Final = "2020-01-02T03:04:05.000006Z"


@dataclass(frozen=True)
class Shape:
    """Hold what an object is created with, and what its status is set to then."""

    parts: Mapping[str, Any]
    status: Mapping[str, Any] | None = None


_CONTAINERS: Final = {"containers": [{"name": "c0", "image": "i:1"}, {"name": "c1", "image": "j"}]}
_LABELS: Final = {"app": "a", "app-2": "b"}
_SELECTOR: Final = {
    "matchLabels": _LABELS,
    "matchExpressions": [
        {"key": "app", "operator": "In", "values": ["b", "a"]},
        {"key": "gone", "operator": "DoesNotExist"},
        {"key": "app-2", "operator": "Exists"},
        {"key": "app", "operator": "NotIn", "values": ["z"]},
    ],
}
_TEMPLATE: Final = {"metadata": {"labels": _LABELS}, "spec": _CONTAINERS}
_JOB_TEMPLATE: Final = {"spec": {**_CONTAINERS, "restartPolicy": "Never"}}
_SIMPLE: Final = {"selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}


def _spec(spec: Mapping[str, Any], **status: Any) -> Shape:
    return Shape({"spec": spec}, status or None)


_PODS: Final = (
    _spec(
        {**_CONTAINERS, "nodeName": "n1", "readinessGates": [{"conditionType": "Other"}]},
        phase="Succeeded",
        podIPs=[{"ip": "10.0.0.1"}],
        containerStatuses=[
            {
                "name": "c0",
                "image": "i",
                "imageID": "",
                "ready": True,
                "restartCount": 2,
                "state": {"running": {}},
                "lastState": {"terminated": {"exitCode": 1, "finishedAt": LONG_AGO}},
            }
        ],
    ),
    _spec(_CONTAINERS),
)
_TWO_PORTS: Final = [
    {"name": "web", "port": 80, "targetPort": "http"},
    {"name": "dns", "port": 53, "protocol": "UDP"},
]
_BALANCED: Final = {"type": "LoadBalancer", "ports": _TWO_PORTS}
_INGRESS: Final = [
    {"ip": "203.0.113.9"},
    {"hostname": "a-very-long-name.of-a.load-balancer.example.org"},
    {"ip": "203.0.113.10"},
    {"ip": "203.0.113.9"},
]
_SERVICES: Final = (
    _spec({"ports": [{"port": 80}], "selector": _LABELS}),
    _spec({"ports": _TWO_PORTS, "externalIPs": ["198.51.100.2", "198.51.100.1"]}),
    _spec({"clusterIP": "None", "selector": {"app": "a"}}),
    _spec({"type": "ExternalName", "externalName": "example.org"}),
    _spec({"type": "NodePort", "ports": _TWO_PORTS}),
    _spec({"type": "NodePort", "ports": [{"port": 1}], "externalIPs": ["198.51.100.3"]}),
    _spec(_BALANCED),
    _spec(_BALANCED, loadBalancer={"ingress": _INGRESS}),
    _spec({**_BALANCED, "externalIPs": ["198.51.100.4"]}, loadBalancer={"ingress": _INGRESS[1:]}),
    _spec({**_BALANCED, "externalIPs": ["198.51.100.5"]}),
)
_ADDRESSES: Final = [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]
_ENDPOINTS: Final = (
    Shape({}),
    Shape({"subsets": [{"addresses": _ADDRESSES, "ports": [{"port": 80}]}]}),
    Shape({"subsets": [{"addresses": _ADDRESSES}, {"addresses": [{"ip": "10.0.0.3"}]}]}),
    Shape({"subsets": [{"notReadyAddresses": _ADDRESSES, "ports": [{"port": 80}]}]}),
    Shape({"subsets": [{"addresses": [{"ip": "2001:db8::1"}], "ports": [{"port": 80}]}]}),
    Shape(
        {
            "subsets": [
                {"addresses": _ADDRESSES, "ports": [{"name": "a", "port": 1}]},
                {
                    "addresses": _ADDRESSES,
                    "ports": [{"name": "a", "port": 2}, {"name": "b", "port": 3}],
                },
            ]
        }
    ),
)


def _slice(addresses: list[list[str]], ports: list[Mapping[str, Any]], kind: str = "IPv4") -> Shape:
    endpoints = [{"addresses": each} for each in addresses]
    return Shape({"addressType": kind, "endpoints": endpoints, "ports": ports})


_SLICES: Final = (
    _slice([], []),
    _slice([["10.0.0.1"], ["10.0.0.2"]], [{"port": 80}]),
    _slice([["2001:db8::1"]], [{"name": "a", "port": 80}, {"name": "all"}, {}], "IPv6"),
    _slice([[f"10.0.0.{n}"] for n in range(1, 6)], [{"name": f"p{n}", "port": n} for n in (1, 2)]),
    _slice([["10.0.0.1"]], [{"name": f"p{n}", "port": n} for n in range(1, 6)]),
)
_ROLE: Final = "node-role.kubernetes.io/"


def _node(labels: Mapping[str, str], spec: Mapping[str, Any], **status: Any) -> Shape:
    return Shape({"metadata": {"labels": labels}, "spec": spec}, status or None)


def _condition(kind: str, status: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": "R", "message": ""}


_NODE_INFO: Final = {
    "kubeletVersion": "v1.37.2",
    "osImage": "An OS 12",
    "kernelVersion": "6.1.0",
    "containerRuntimeVersion": "containerd://2.1.0",
    "architecture": "arm64",
}
_NODES: Final = (
    _node({}, {}),
    _node(
        {f"{_ROLE}worker": "", f"{_ROLE}control-plane": "x", "kubernetes.io/role": "db"},
        {"taints": [{"key": "a", "effect": "NoSchedule"}]},
        conditions=[_condition("MemoryPressure", "False"), _condition("Ready", "True")],
        addresses=[
            {"type": "Hostname", "address": "h"},
            {"type": "ExternalIP", "address": "203.0.113.1"},
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "InternalIP", "address": "10.0.0.2"},
        ],
        nodeInfo=_NODE_INFO,
    ),
    _node(
        {"kubernetes.io/role": ""},
        {"unschedulable": True},
        conditions=[_condition("Ready", "False")],
        nodeInfo={"kubeletVersion": "v1.36.0", "architecture": "amd64"},
    ),
    _node({}, {"unschedulable": True}),
    _node({}, {}, conditions=[_condition("Ready", "Unknown")]),
)
_WANTED: Final = {
    "resources": {"requests": {"storage": "1024Mi"}},
    "accessModes": ["ReadWriteMany"],
}
_MODES: Final = ["ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOnce"]
_CLAIMS: Final = (
    _spec(_WANTED),
    _spec(_WANTED | {"storageClassName": "fast", "volumeMode": "Block"}),
    _spec(
        _WANTED | {"volumeName": "pv1", "volumeAttributesClassName": "gold"},
        phase="Bound",
        accessModes=_MODES,
        capacity={"storage": "2048Mi"},
    ),
    _spec(_WANTED | {"volumeName": "pv2"}, phase="Lost"),
    Shape(
        {
            "metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "old"}},
            "spec": _WANTED,
        }
    ),
)
_ABOUT: Final = {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c0}"}
_TIMES: Final = {"firstTimestamp": LONGER_AGO, "lastTimestamp": LONG_AGO}
_EVENTS: Final = (
    Shape({"involvedObject": {}}),
    Shape(
        {
            "involvedObject": _ABOUT,
            "type": "Warning",
            "reason": "BackOff",
            "message": "  It waits.\n",
            "source": {"component": "kubelet", "host": "n1"},
            "count": 7,
        }
        | _TIMES
    ),
    Shape({"involvedObject": {"kind": "Node"}, "firstTimestamp": LONGER_AGO, "message": "m"}),
    Shape({"involvedObject": _ABOUT, "source": {"component": "one"}, "reason": "A"} | _TIMES),
    Shape(
        {
            "involvedObject": _ABOUT,
            "eventTime": LONG_AGO_EXACTLY,
            "series": {"count": 5, "lastObservedTime": LONG_AGO_EXACTLY},
            "reportingComponent": "example.org/c",
            "reportingInstance": "c-1",
            "action": "Wait",
            "reason": "Waited",
            "type": "Normal",
        }
    ),
)
_NEWER: Final = {
    "eventTime": LONG_AGO_EXACTLY,
    "reportingController": "example.org/c",
    "reportingInstance": "c-1",
    "action": "Wait",
    "reason": "Waited",
    "type": "Normal",
}
_NEWER_EVENTS: Final = (
    Shape(_NEWER | {"regarding": _ABOUT, "note": "It waits. "}),
    Shape(
        _NEWER | {"regarding": _ABOUT, "series": {"count": 5, "lastObservedTime": LONG_AGO_EXACTLY}}
    ),
)
_CONDITIONS: Final = [
    {"type": "SuccessCriteriaMet", "status": "True"},
    {"type": "Complete", "status": "True"},
]
_JOBS: Final = (
    _spec({"template": _JOB_TEMPLATE}),
    _spec({"template": _JOB_TEMPLATE, "completions": 3, "suspend": True}),
    _spec(
        {"template": _JOB_TEMPLATE, "completions": 1},
        startTime="2020-01-02T03:04:05Z",
        completionTime="2020-01-02T10:04:05Z",
        succeeded=1,
        uncountedTerminatedPods={},
        conditions=_CONDITIONS,
    ),
)
_CRON_JOBS: Final = (
    _spec({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _JOB_TEMPLATE}}}),
    _spec(
        {
            "schedule": "@hourly",
            "timeZone": "Europe/Berlin",
            "suspend": True,
            "jobTemplate": {
                "spec": {
                    "template": {"metadata": {"labels": _LABELS}, **_JOB_TEMPLATE},
                }
            },
        },
        active=[{"kind": "Job", "name": "j1"}, {"kind": "Job", "name": "j2"}],
        lastScheduleTime=LONG_AGO,
    ),
)
_PLACED: Final = {**_TEMPLATE, "spec": {**_CONTAINERS, "nodeSelector": _LABELS}}

SHAPES: Final[Mapping[Resource, tuple[Shape, ...]]] = {
    Resource("", "v1", "configmaps", "ConfigMap"): (
        Shape({}),
        Shape({"data": {"a": "<&>"}, "binaryData": {"b": "AA=="}}),
    ),
    Resource("", "v1", "namespaces", "Namespace", is_namespaced=False): (Shape({}),),
    Resource("", "v1", "serviceaccounts", "ServiceAccount"): (Shape({}),),
    Resource("", "v1", "pods", "Pod"): _PODS,
    Resource("", "v1", "services", "Service"): _SERVICES,
    Resource("", "v1", "endpoints", "Endpoints"): _ENDPOINTS,
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"): _SLICES,
    Resource("", "v1", "nodes", "Node", is_namespaced=False): _NODES,
    Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"): _CLAIMS,
    Resource("", "v1", "events", "Event"): _EVENTS,
    Resource("events.k8s.io", "v1", "events", "Event"): _NEWER_EVENTS,
    Resource("apps", "v1", "deployments", "Deployment"): (
        _spec(_SIMPLE),
        _spec(
            {"replicas": 3, "selector": _SELECTOR, "template": _TEMPLATE},
            replicas=3,
            readyReplicas=2,
            availableReplicas=1,
            updatedReplicas=3,
        ),
    ),
    Resource("apps", "v1", "replicasets", "ReplicaSet"): (
        _spec(_SIMPLE),
        _spec(
            {"replicas": 0, "selector": _SELECTOR, "template": _TEMPLATE},
            replicas=3,
            readyReplicas=2,
        ),
    ),
    Resource("apps", "v1", "statefulsets", "StatefulSet"): (
        _spec(_SIMPLE | {"serviceName": "s"}),
        _spec(_SIMPLE | {"replicas": 3}, replicas=3, readyReplicas=2, availableReplicas=1),
    ),
    Resource("apps", "v1", "daemonsets", "DaemonSet"): (
        _spec(_SIMPLE),
        _spec(
            {"selector": _SELECTOR, "template": _PLACED},
            desiredNumberScheduled=5,
            currentNumberScheduled=4,
            numberReady=3,
            updatedNumberScheduled=2,
            numberAvailable=1,
            numberMisscheduled=0,
        ),
    ),
    Resource("batch", "v1", "jobs", "Job"): _JOBS,
    Resource("batch", "v1", "cronjobs", "CronJob"): _CRON_JOBS,
}
"""By resource type. The last one of each is deleted again."""
