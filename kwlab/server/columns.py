"""The columns that ``kubectl get`` shows of a resource type, as the API server describes them.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go`` names the columns; the descriptions
are those of the API's own documentation (k8s.io/api 0.37, ``types_swagger_doc_generated.go``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kwlab.wire import Column

_NAME: Final = Column(
    "Name",
    "string",
    "Name must be unique within a namespace. Is required when creating resources, although some "
    "resources may allow a client to request the generation of an appropriate name "
    "automatically. Name is primarily intended for creation idempotence and configuration "
    "definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    format="name",
)
_AGE: Final = Column(
    "Age",
    "string",
    "CreationTimestamp is a timestamp representing the server time when this object was "
    "created. It is not guaranteed to be set in happens-before order across separate "
    "operations. Clients may not set this value. It is represented in RFC3339 form and is in "
    "UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
)
_CONTAINERS: Final = Column(
    "Containers",
    "string",
    "Names of each container in the template.",
    priority=1,
)
_IMAGES: Final = Column(
    "Images",
    "string",
    "Images referenced by each container in the template.",
    priority=1,
)
PODS: Final = (
    _NAME,
    Column(
        "Ready",
        "string",
        "The aggregate readiness state of this pod for accepting traffic.",
    ),
    Column(
        "Status",
        "string",
        "The aggregate status of the containers in this pod.",
    ),
    Column(
        "Restarts",
        "string",
        "The number of times the containers in this pod have been restarted and when the last "
        "container in this pod has restarted.",
    ),
    _AGE,
    Column(
        "IP",
        "string",
        "podIP address allocated to the pod. Routable at least within the cluster. Empty if not "
        "yet allocated.",
        priority=1,
    ),
    Column(
        "Node",
        "string",
        "NodeName indicates in which node this pod is scheduled. If empty, this pod is a "
        "candidate for scheduling by the scheduler defined in schedulerName. Once this field is "
        "set, the kubelet for this node becomes responsible for the lifecycle of this pod. This "
        "field should not be used to express a desire for the pod to be scheduled on a specific "
        "node. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename",
        priority=1,
    ),
    Column(
        "Nominated Node",
        "string",
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it "
        "cannot be scheduled right away as preemption victims receive their graceful "
        "termination periods. This field does not guarantee that the pod will be scheduled on "
        "this node. Scheduler may decide to place the pod elsewhere if other nodes become "
        "available sooner. Scheduler may also decide to give the resources on this node to a "
        "higher priority pod that is created after preemption. As a result, this field may be "
        "different than PodSpec.nodeName when the pod is scheduled.",
        priority=1,
    ),
    Column(
        "Readiness Gates",
        "string",
        "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready "
        "when all its containers are ready AND all conditions specified in the readiness gates "
        'have status equal to "True" More info: '
        "https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
        priority=1,
    ),
)
JOBS: Final = (
    _NAME,
    Column(
        "Status",
        "string",
        "Status of the job.",
    ),
    Column(
        "Completions",
        "string",
        "The number of pods which reached phase Succeeded. The value increases monotonically "
        "for a given spec. However, it may decrease in reaction to scale down of elastic "
        "indexed jobs.",
    ),
    Column(
        "Duration",
        "string",
        "Time required to complete the job.",
    ),
    _AGE,
    _CONTAINERS,
    _IMAGES,
    Column(
        "Selector",
        "string",
        "A label query over pods that should match the pod count. Normally, the system sets "
        "this field for you. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)
DEPLOYMENTS: Final = (
    _NAME,
    Column(
        "Ready",
        "string",
        "Number of the pod with ready state",
    ),
    Column(
        "Up-to-date",
        "string",
        "Total number of non-terminating pods targeted by this deployment that have the desired "
        "template spec.",
    ),
    Column(
        "Available",
        "string",
        "Total number of available non-terminating pods (ready for at least minReadySeconds) "
        "targeted by this deployment.",
    ),
    _AGE,
    _CONTAINERS,
    _IMAGES,
    Column(
        "Selector",
        "string",
        "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be "
        "the ones affected by this deployment. It must match the pod template's labels.",
        priority=1,
    ),
)
REPLICA_SETS: Final = (
    _NAME,
    Column(
        "Desired",
        "integer",
        "Replicas is the number of desired pods. This is a pointer to distinguish between "
        "explicit zero and unspecified. Defaults to 1. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset",
    ),
    Column(
        "Current",
        "integer",
        "Replicas is the most recently observed number of non-terminating pods. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset",
    ),
    Column(
        "Ready",
        "integer",
        "The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.",
    ),
    _AGE,
    _CONTAINERS,
    _IMAGES,
    Column(
        "Selector",
        "string",
        "Selector is a label query over pods that should match the replica count. Label keys "
        "and values that must match in order to be controlled by this replica set. It must "
        "match the pod template's labels. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)
CONFIG_MAPS: Final = (
    _NAME,
    Column(
        "Data",
        "string",
        "Data contains the configuration data. Each key must consist of alphanumeric "
        "characters, '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the "
        "BinaryData field. The keys stored in Data must not overlap with the keys in the "
        "BinaryData field, this is enforced during validation process.",
    ),
    _AGE,
)
NAMESPACES: Final = (
    _NAME,
    Column(
        "Status",
        "string",
        "The status of the namespace",
    ),
    _AGE,
)
CUSTOM: Final = (_NAME, replace(_AGE, type="date"))
"""Of a custom resource, and of all that has no columns of its own here."""
