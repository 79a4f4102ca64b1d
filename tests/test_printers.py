"""The cells of each resource type but pods, as printers.go of kubernetes 1.37 makes them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import pytest

from kwlab.history import Resource
from kwlab.server.printers import PRINTERS, printer_of

NOW: Final = datetime.fromisoformat("2026-11-23T06:00:00Z")


def cells_of(group: str, kind: str, **parts: Any) -> tuple[Any, ...]:
    metadata = {"name": "x", "creationTimestamp": "2026-11-22T05:00:00Z"} | parts.pop(
        "metadata", {}
    )
    data = json.dumps({"metadata": metadata, **parts}).encode()
    resource = Resource(group, "v1", f"{kind.lower()}s", kind)
    return tuple(printer_of(resource).row(data, NOW).cells)


TEMPLATE: Final = {
    "spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j"}]}
}
SELECTOR: Final = {
    "matchLabels": {"b": "2", "a": "1"},
    "matchExpressions": [
        {"key": "c", "operator": "In", "values": ["y", "x"]},
        {"key": "d", "operator": "DoesNotExist"},
        {"key": "e", "operator": "Exists"},
        {"key": "f", "operator": "NotIn", "values": ["z"]},
    ],
}
SELECTED: Final = "a=1,b=2,c in (x,y),!d,e,f notin (z)"


def test_config_maps_and_namespaces() -> None:
    """A ConfigMap shows how many keys it has, a Namespace its phase."""
    assert ("x", 3, "25h") == cells_of(
        "", "ConfigMap", data={"a": "", "b": ""}, binaryData={"c": ""}
    )
    assert ("x", "Active", "25h") == cells_of("", "Namespace", status={"phase": "Active"})


def test_deployments_and_replica_sets() -> None:
    """Counts of replicas, then containers, images and selector."""
    spec = {"replicas": 3, "template": TEMPLATE, "selector": SELECTOR}
    status = {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1, "replicas": 3}
    wide = ("a,b", "i:1,j", SELECTED)
    found = cells_of("apps", "Deployment", spec=spec, status=status)
    assert ("x", "1/3", 2, 1, "25h", *wide) == found
    found = cells_of("apps", "ReplicaSet", spec=spec, status=status)
    assert ("x", 3, 3, 1, "25h", *wide) == found
    assert "<none>" == cells_of("apps", "ReplicaSet")[-1]


@pytest.mark.parametrize(
    ("spec", "status", "deleted", "expected"),
    [
        ({"completions": 3}, {"succeeded": 1}, False, ("Running", "1/3", "")),
        ({}, {}, False, ("Running", "0/1", "")),
        ({"parallelism": 4}, {"succeeded": 2}, False, ("Running", "2/1 of 4", "")),
        (
            {"completions": 1},
            {"startTime": "2026-11-23T05:59:00Z"},
            True,
            ("Terminating", "0/1", "60s"),
        ),
        (
            {"completions": 1},
            {
                "succeeded": 1,
                "startTime": "2026-11-23T05:00:00Z",
                "completionTime": "2026-11-23T05:02:05Z",
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            True,
            ("Complete", "1/1", "2m5s"),
        ),
        ({}, {"conditions": [{"type": "Failed", "status": "True"}]}, False, ("Failed", "0/1", "")),
        (
            {},
            {"conditions": [{"type": "Suspended", "status": "True"}]},
            False,
            ("Suspended", "0/1", ""),
        ),
    ],
)
def test_jobs(
    spec: dict[str, Any], status: dict[str, Any], deleted: bool, expected: tuple[str, ...]
) -> None:
    """Status, completions and duration of a Job."""
    metadata = {"deletionTimestamp": "2026-11-23T05:59:30Z"} if deleted else {}
    found = cells_of("batch", "Job", spec=spec, status=status, metadata=metadata)
    assert ("x", *expected, "25h", "", "", "<none>") == found


def test_stateful_sets_and_daemon_sets() -> None:
    """Counts, the node selector of a DaemonSet, containers and images."""
    spec = {"replicas": 3, "template": TEMPLATE, "selector": SELECTOR}
    found = cells_of("apps", "StatefulSet", spec=spec, status={"readyReplicas": 1})
    assert ("x", "1/3", "25h", "a,b", "i:1,j") == found
    placed = {"spec": {**TEMPLATE["spec"], "nodeSelector": {"b": "2", "a-b": "3", "a": "1"}}}
    status = {
        "desiredNumberScheduled": 5,
        "currentNumberScheduled": 4,
        "numberReady": 3,
        "updatedNumberScheduled": 2,
        "numberAvailable": 1,
    }
    found = cells_of("apps", "DaemonSet", spec=spec | {"template": placed}, status=status)
    assert ("x", 5, 4, 3, 2, 1, "a-b=3,a=1,b=2", "25h", "a,b", "i:1,j", SELECTED) == found
    assert ("x", 0, 0, 0, 0, 0, "<none>", "25h", "", "", "<none>") == cells_of("apps", "DaemonSet")


def test_cron_jobs() -> None:
    """Schedule, time zone, whether it is suspended, how many run, and when one last began."""
    template = {"spec": {"template": TEMPLATE, "selector": SELECTOR}}
    spec = {"schedule": "@daily", "timeZone": "UTC", "suspend": True, "jobTemplate": template}
    status = {"active": [{}, {}], "lastScheduleTime": "2026-11-23T05:50:00Z"}
    wide = ("a,b", "i:1,j", SELECTED)
    found = cells_of("batch", "CronJob", spec=spec, status=status)
    assert ("x", "@daily", "UTC", "True", 2, "10m", "25h", *wide) == found
    nothing = ("", "<none>", "<unset>", 0, "<none>", "25h", "", "", "<none>")
    assert ("x", *nothing) == cells_of("batch", "CronJob")


@pytest.mark.parametrize(
    ("spec", "ingress", "expected"),
    [
        ({"type": "ClusterIP", "clusterIPs": ["10.0.0.1", "::1"]}, [], ("10.0.0.1", "<none>")),
        ({"type": "ClusterIP", "clusterIPs": ["None"]}, [], ("None", "<none>")),
        ({"type": "ClusterIP", "externalIPs": ["b", "a"]}, [], ("<none>", "b,a")),
        ({"type": "NodePort", "externalIPs": ["a"]}, [], ("<none>", "a")),
        ({"type": "NodePort"}, [], ("<none>", "<none>")),
        ({"type": "ExternalName", "externalName": "e.org"}, [], ("<none>", "e.org")),
        ({"type": "LoadBalancer"}, [], ("<none>", "<pending>")),
        (
            {"type": "LoadBalancer"},
            [{"ip": "2"}, {"hostname": "h"}, {"ip": "1", "hostname": "i"}, {"ip": "2"}, {}],
            ("<none>", "1,2,h"),
        ),
        ({"type": "LoadBalancer", "externalIPs": ["0"]}, [{"ip": "2"}], ("<none>", "2,0")),
        ({"type": "LoadBalancer", "externalIPs": ["0"]}, [], ("<none>", "0")),
        ({}, [], ("<none>", "<unknown>")),
    ],
)
def test_the_addresses_of_a_service(
    spec: dict[str, Any], ingress: list[dict[str, str]], expected: tuple[str, str]
) -> None:
    """The first cluster IP; from outside what the type says, and what a balancer was given."""
    found = cells_of("", "Service", spec=spec, status={"loadBalancer": {"ingress": ingress}})
    assert ("x", spec.get("type", ""), *expected, "<none>", "25h", "<none>") == found


def test_the_ports_of_a_service() -> None:
    """Each port with its protocol, and with the nodes' port where there is one."""
    ports = [
        {"name": "web", "port": 80, "nodePort": 30080, "protocol": "TCP"},
        {"port": 53, "protocol": "UDP"},
    ]
    found = cells_of("", "Service", spec={"ports": ports, "selector": {"b": "2", "a": "1"}})
    assert ("80:30080/TCP,53/UDP", "25h", "a=1,b=2") == found[-3:]


TWO: Final = [{"ip": "1"}, {"ip": "2"}]


@pytest.mark.parametrize(
    ("subsets", "expected"),
    [
        ([], "<none>"),
        ([{"notReadyAddresses": TWO, "ports": [{"port": 80}]}], ""),
        ([{"addresses": TWO}], "1,2"),
        ([{"addresses": TWO}, {"addresses": TWO}], "1,2,1 + 1 more..."),
        ([{"addresses": TWO, "ports": [{"port": 80}]}], "1:80,2:80"),
        ([{"addresses": TWO, "ports": [{"port": 7}, {"port": 8}]}], "1:7,2:7,1:8 + 1 more..."),
        ([{"addresses": [{"ip": "::1"}], "ports": [{"port": 80}]}], "[::1]:80"),
    ],
)
def test_endpoints(subsets: list[dict[str, Any]], expected: str) -> None:
    """Three addresses, each with each port, and the number of the others."""
    assert ("x", expected, "25h") == cells_of("", "Endpoints", subsets=subsets)


@pytest.mark.parametrize(
    ("ports", "endpoints", "expected"),
    [
        (None, None, ("<unset>", "<unset>")),
        ([{"port": 1}], [{"addresses": ["1", "2"]}, {"addresses": ["3"]}], ("1", "1,2,3")),
        ([{}, {"name": "a"}, {"name": "b", "port": 2}], [], ("*,a,2", "<unset>")),
        (
            [{"port": n} for n in range(5)],
            [{"addresses": ["1", "2", "3", "4"]}],
            ("0,1,2 + 2 more...", "1,2,3 + 1 more..."),
        ),
    ],
)
def test_endpoint_slices(ports: Any, endpoints: Any, expected: tuple[str, str]) -> None:
    """Three ports and three addresses, and the number of the others."""
    parts = {"addressType": "IPv4", "ports": ports, "endpoints": endpoints}
    assert ("x", "IPv4", *expected, "25h") == cells_of("discovery.k8s.io", "EndpointSlice", **parts)


@pytest.mark.parametrize(
    ("conditions", "unschedulable", "expected"),
    [
        ({}, False, "Unknown"),
        ({"Ready": "True", "DiskPressure": "False"}, False, "Ready"),
        ({"Ready": "False"}, False, "NotReady"),
        ({"Ready": "Unknown"}, False, "NotReady"),
        ({"Ready": "True"}, True, "Ready,SchedulingDisabled"),
        ({"DiskPressure": "True"}, True, "Unknown,SchedulingDisabled"),
    ],
)
def test_the_status_of_a_node(
    conditions: dict[str, str], unschedulable: bool, expected: str
) -> None:
    """Whether it is ready, and whether pods may come."""
    said = [{"type": kind, "status": status} for kind, status in conditions.items()]
    found = cells_of("", "Node", spec={"unschedulable": unschedulable}, status={"conditions": said})
    assert expected == found[1]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, "<none>"),
        ({"kubernetes.io/role": ""}, "<none>"),
        ({"kubernetes.io/role": "db", "node-role.kubernetes.io/db": ""}, "db"),
        ({"node-role.kubernetes.io/w": "x", "node-role.kubernetes.io/cp": "", "role": "z"}, "cp,w"),
    ],
)
def test_the_roles_of_a_node(labels: dict[str, str], expected: str) -> None:
    """Those that its labels name, each once."""
    assert expected == cells_of("", "Node", metadata={"labels": labels})[2]


def test_the_wide_columns_of_a_node() -> None:
    """The first address of each kind, and the software; the machine stands with the kernel."""
    unknown = ("<none>", "<none>", "<unknown>", "<unknown>", "<unknown>")
    assert ("x", "Unknown", "<none>", "25h", "", *unknown) == cells_of("", "Node")
    info = {
        "kubeletVersion": "v1",
        "osImage": "os",
        "kernelVersion": "6",
        "containerRuntimeVersion": "c://2",
        "architecture": "arm64",
    }
    addresses = [
        {"type": kind, "address": address}
        for kind, address in (("ExternalIP", "e"), ("InternalIP", "i"), ("InternalIP", "j"))
    ]
    found = cells_of("", "Node", status={"nodeInfo": info, "addresses": addresses})
    assert ("v1", "i", "e", "os", "6 (arm64)", "c://2") == found[4:]


CLAIMED: Final = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadOnlyMany"]}


@pytest.mark.parametrize(
    ("spec", "metadata", "expected"),
    [
        ({}, {}, ("Bound", "", "", "", "", "<unset>", "25h", "<unset>")),
        (
            {"volumeName": "v", "storageClassName": "s", "volumeMode": "Block"},
            {"annotations": {"volume.beta.kubernetes.io/storage-class": "old"}},
            ("Bound", "v", "1Gi", "ROX,RWX", "old", "<unset>", "25h", "Block"),
        ),
        (
            {"storageClassName": "s", "volumeAttributesClassName": "a"},
            {"deletionTimestamp": "2026-11-23T05:59:30Z"},
            ("Terminating", "", "", "", "s", "a", "25h", "<unset>"),
        ),
    ],
)
def test_claims(spec: dict[str, Any], metadata: dict[str, Any], expected: tuple[str, ...]) -> None:
    """What a claim has of its volume is shown once it has one."""
    status = CLAIMED | {"phase": "Bound"}
    found = cells_of("", "PersistentVolumeClaim", spec=spec, status=status, metadata=metadata)
    assert ("x", *expected) == found


EARLY, LATE, LAST = "2026-11-23T04:00:00Z", "2026-11-23T05:00:00Z", "2026-11-23T05:50:00Z"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ("<unknown>", "", "<unknown>", 1)),
        ({"firstTimestamp": EARLY}, ("120m", "", "120m", 1)),
        ({"firstTimestamp": EARLY, "lastTimestamp": LATE, "count": 7}, ("60m", "", "120m", 7)),
        ({"eventTime": LATE, "reportingComponent": "c"}, ("60m", "c", "60m", 1)),
        (
            {
                "eventTime": EARLY,
                "count": 2,
                "series": {"count": 5, "lastObservedTime": LAST},
                "reportingComponent": "c",
                "reportingInstance": "d",
            },
            ("10m", "c, d", "120m", 5),
        ),
        (
            {
                "source": {"component": "k", "host": "h"},
                "reportingComponent": "c",
                "reportingInstance": "d",
            },
            ("<unknown>", "k, h", "<unknown>", 1),
        ),
    ],
)
def test_when_an_event_was_seen(parts: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Last and first seen, who says so, and how often it was."""
    found = cells_of("", "Event", **parts)
    assert expected == (found[0], found[5], *found[7:9])
    assert "x" == found[9]


@pytest.mark.parametrize(
    ("group", "names"),
    [("", ("involvedObject", "message")), ("events.k8s.io", ("regarding", "note"))],
)
def test_what_an_event_is_about(group: str, names: tuple[str, str]) -> None:
    """Both groups show the same of it."""
    about = {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"}
    said = dict(zip(names, (about, " It waits.\n"), strict=True))
    found = cells_of(group, "Event", type="Warning", reason="Late", **said)
    part = "spec.containers{c}"
    assert ("Warning", "Late", "pod/p", part, "", "It waits.") == found[1:7]
    said[names[0]] = {"kind": "Node"}
    assert "node" == cells_of(group, "Event", **said)[3]


def test_what_has_no_printer_has_a_name_and_an_age() -> None:
    """A custom resource is shown as one without columns of its own."""
    assert ("x", "25h") == cells_of("example.org", "Widget")
    columns = printer_of(Resource("example.org", "v1", "widgets", "Widget")).columns
    assert [("Name", "string"), ("Age", "date")] == [(each.name, each.type) for each in columns]


def test_an_object_that_is_not_what_it_says() -> None:
    """Of a pod that is none the name is known, and the request is answered."""
    row = PRINTERS["", "Pod"].row(
        b'{"metadata":{"name":"p","uid":"u","resourceVersion":"1"},"spec":7}', NOW
    )
    assert ("p", *["<invalid>"] * 8) == tuple(row.cells)
    row = PRINTERS["", "Event"].row(
        b'{"metadata":{"name":"e","uid":"u","resourceVersion":"1"},"series":7}', NOW
    )
    assert (*["<invalid>"] * 9, "e") == tuple(row.cells)
