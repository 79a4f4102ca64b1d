"""The columns of pods and of what makes pods, as the API server describes them.

References
----------
As in :mod:`kwlab.server.columns`.
"""

from __future__ import annotations

from typing import Final

from kwlab.server.columns import AGE, NAME
from kwlab.wire import Column

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
_JOB_SELECTOR: Final = Column(
    "Selector",
    "string",
    "A label query over pods that should match the pod count. Normally, the system sets this "
    "field for you. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
    priority=1,
)
PODS: Final = (
    NAME,
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
    AGE,
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
        "cannot be scheduled right away as preemption victims receive their graceful termination "
        "periods. This field does not guarantee that the pod will be scheduled on this node. "
        "Scheduler may decide to place the pod elsewhere if other nodes become available sooner. "
        "Scheduler may also decide to give the resources on this node to a higher priority pod "
        "that is created after preemption. As a result, this field may be different than "
        "PodSpec.nodeName when the pod is scheduled.",
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
    NAME,
    Column(
        "Status",
        "string",
        "Status of the job.",
    ),
    Column(
        "Completions",
        "string",
        "The number of pods which reached phase Succeeded. The value increases monotonically for "
        "a given spec. However, it may decrease in reaction to scale down of elastic indexed "
        "jobs.",
    ),
    Column(
        "Duration",
        "string",
        "Time required to complete the job.",
    ),
    AGE,
    _CONTAINERS,
    _IMAGES,
    _JOB_SELECTOR,
)
CRON_JOBS: Final = (
    NAME,
    Column(
        "Schedule",
        "string",
        "The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.",
    ),
    Column(
        "Timezone",
        "string",
        "The time zone name for the given schedule, see "
        "https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this "
        "will default to the time zone of the kube-controller-manager process. The set of valid "
        "time zone names and the time zone offset is loaded from the system-wide time zone "
        "database by the API server during CronJob validation and the controller manager during "
        "execution. If no system-wide time zone database can be found a bundled version of the "
        "database is used instead. If the time zone name becomes invalid during the lifetime of "
        "a CronJob or due to a change in host configuration, the controller will stop creating "
        "new new Jobs and will create a system event with the reason UnknownTimeZone. More "
        "information can be found in "
        "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones",
    ),
    Column(
        "Suspend",
        "boolean",
        "This flag tells the controller to suspend subsequent executions, it does not apply to "
        "already started executions.  Defaults to false.",
    ),
    Column(
        "Active",
        "integer",
        "A list of pointers to currently running jobs.",
    ),
    Column(
        "Last Schedule",
        "string",
        "Information when was the last time the job was successfully scheduled.",
    ),
    AGE,
    _CONTAINERS,
    _IMAGES,
    _JOB_SELECTOR,
)
DEPLOYMENTS: Final = (
    NAME,
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
    AGE,
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
    NAME,
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
    AGE,
    _CONTAINERS,
    _IMAGES,
    Column(
        "Selector",
        "string",
        "Selector is a label query over pods that should match the replica count. Label keys and "
        "values that must match in order to be controlled by this replica set. It must match the "
        "pod template's labels. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)
STATEFUL_SETS: Final = (
    NAME,
    Column(
        "Ready",
        "string",
        "Number of the pod with ready state",
    ),
    AGE,
    _CONTAINERS,
    _IMAGES,
)
DAEMON_SETS: Final = (
    NAME,
    Column(
        "Desired",
        "integer",
        "The total number of nodes that should be running the daemon pod (including nodes "
        "correctly running the daemon pod). More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
    ),
    Column(
        "Current",
        "integer",
        "The number of nodes that are running at least 1 daemon pod and are supposed to run the "
        "daemon pod. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
    ),
    Column(
        "Ready",
        "integer",
        "numberReady is the number of nodes that should be running the daemon pod and have one "
        "or more of the daemon pod running with a Ready Condition.",
    ),
    Column(
        "Up-to-date",
        "integer",
        "The total number of nodes that are running updated daemon pod",
    ),
    Column(
        "Available",
        "integer",
        "The number of nodes that should be running the daemon pod and have one or more of the "
        "daemon pod running and available (ready for at least spec.minReadySeconds)",
    ),
    Column(
        "Node Selector",
        "string",
        "NodeSelector is a selector which must be true for the pod to fit on a node. Selector "
        "which must match a node's labels for the pod to be scheduled on that node. More info: "
        "https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
    ),
    AGE,
    _CONTAINERS,
    _IMAGES,
    Column(
        "Selector",
        "string",
        "A label query over pods that are managed by the daemon set. Must match in order to be "
        "controlled. It must match the pod template's labels. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)
