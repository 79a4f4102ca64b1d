"""What Go writes for the empty parts of a typed object, as in a bookmark.

References
----------
Measured on kube-apiserver 1.37.2, kind by kind (``tests/test_rig_fidelity.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TEMPLATE: Final[Mapping[str, Any]] = {"metadata": {}, "spec": {"containers": None}}
_NODE_INFO: Final = (
    "machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion",
    "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture",
)  # fmt: skip
_ROLE_REFERENCE: Final = {"roleRef": {"apiGroup": "", "kind": "", "name": ""}}
_NAMES: Final = {"plural": "", "kind": ""}

EMPTY_ANNOTATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "DaemonSet": {"deprecated.daemonset.template.generation": "0"},
}
"""By kind: the annotations that an object has without anybody's doing."""

EMPTY_PARTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Pod": {"spec": {"containers": None}, "status": {}},
    "Namespace": {"spec": {}, "status": {}},
    "Node": {
        "spec": {},
        "status": {
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": dict.fromkeys(_NODE_INFO, ""),
        },
    },
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "PersistentVolumeClaim": {"spec": {"resources": {}}, "status": {}},
    "PersistentVolume": {"spec": {}, "status": {}},
    "ReplicationController": {"spec": {}, "status": {"replicas": 0}},
    "LimitRange": {"spec": {"limits": None}},
    "ResourceQuota": {"spec": {}, "status": {}},
    "PodTemplate": {"template": _TEMPLATE},
    "Deployment": {
        "spec": {"replicas": 0, "selector": None, "template": _TEMPLATE, "strategy": {}},
        "status": {},
    },
    "ReplicaSet": {
        "spec": {"replicas": 0, "selector": None, "template": _TEMPLATE},
        "status": {"replicas": 0},
    },
    "DaemonSet": {
        "spec": {"selector": None, "template": _TEMPLATE, "updateStrategy": {}},
        "status": {
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        },
    },
    "StatefulSet": {
        "spec": {
            "replicas": 0,
            "selector": None,
            "template": _TEMPLATE,
            "serviceName": "",
            "updateStrategy": {},
        },
        "status": {"replicas": 0, "availableReplicas": 0},
    },
    "ControllerRevision": {"data": None, "revision": 0},
    "Job": {"spec": {"template": _TEMPLATE}, "status": {}},
    "CronJob": {
        "spec": {
            "schedule": "",
            "jobTemplate": {"metadata": {}, "spec": {"template": _TEMPLATE}},
        },
        "status": {},
    },
    "Ingress": {"spec": {}, "status": {"loadBalancer": {}}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "Lease": {"spec": {}},
    "Role": {"rules": None},
    "ClusterRole": {"rules": None},
    "RoleBinding": _ROLE_REFERENCE,
    "ClusterRoleBinding": _ROLE_REFERENCE,
    "EndpointSlice": {"addressType": "", "endpoints": None, "ports": None},
    "PodDisruptionBudget": {
        "spec": {},
        "status": {
            "disruptionsAllowed": 0,
            "currentHealthy": 0,
            "desiredHealthy": 0,
            "expectedPods": 0,
        },
    },
    "HorizontalPodAutoscaler": {
        "spec": {"scaleTargetRef": {"kind": "", "name": ""}, "maxReplicas": 0},
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    },
    "StorageClass": {"provisioner": ""},
    "PriorityClass": {"value": 0},
    "CustomResourceDefinition": {
        "spec": {"group": "", "names": _NAMES, "scope": "", "versions": None},
        "status": {"conditions": None, "acceptedNames": _NAMES, "storedVersions": None},
    },
    "Event": {
        "involvedObject": {},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    },
}
"""By kind: what stands behind the metadata; ConfigMap and its like have nothing required."""
