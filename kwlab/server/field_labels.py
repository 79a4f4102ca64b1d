"""Which fields of a type a selector may name, and what an object has there.

References
----------
kubernetes 1.37.2: the fields are those of ``AddFieldLabelConversionFunc`` in
``pkg/apis/*/v*/conversion.go``, their values those of the strategies in ``pkg/registry``. Any
other type has what ``DefaultMetaV1FieldSelectorConversion`` of apimachinery 0.37.2 lets through,
and a custom resource what the ``crConverter`` of apiextensions-apiserver 0.37.2 does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from kwlab.history import Resource
from kwlab.server.quoting import quoted

Read: TypeAlias = Callable[[Mapping[str, Any]], str]

BUILT_IN_GROUPS: Final = frozenset(
    {"", "apps", "autoscaling", "batch", "policy", "rbac.authorization.k8s.io"}
    | {"flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io"}
    | {
        f"{name}.k8s.io"
        for name in (
            "admissionregistration", "apiextensions", "apiregistration", "authentication",
            "authorization", "certificates", "coordination", "discovery", "events", "lifecycle",
            "networking", "node", "resource", "scheduling", "storage", "storagemigration",
        )
    }
)  # fmt: skip
"""The API groups of kube-apiserver itself: any other one is of custom resources."""


def _value(item: Mapping[str, Any], path: str) -> Any:
    value: Any = item
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(path: str) -> Read:
    return lambda item: str(_value(item, path) or "")


def _number(path: str) -> Read:
    return lambda item: str(_value(item, path) or 0)


def _flag(path: str) -> Read:
    return lambda item: "true" if _value(item, path) else "false"


def _pod_ip(item: Mapping[str, Any]) -> str:
    several = _value(item, "status.podIPs")
    first = several[0] if isinstance(several, list) and several else None
    return _text("ip")(first) if isinstance(first, dict) else _text("status.podIP")(item)


def _source(item: Mapping[str, Any]) -> str:
    return _text("source.component")(item) or _text("reportingComponent")(item)


def _empty(_item: Mapping[str, Any]) -> str:
    return ""


def _texts(*paths: str) -> dict[str, Read]:
    return {path: _text(path) for path in paths}


def _of_what(field: str) -> dict[str, Read]:
    """Give the fields of an object that an event is about."""
    parts = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    return _texts(*(f"{field}.{part}" for part in parts))


_NAME: Final = _texts("metadata.name")
_BOTH: Final = _texts("metadata.name", "metadata.namespace")

KNOWN_FIELDS: Final[Mapping[tuple[str, str], Mapping[str, Read]]] = {
    ("", "pods"): {
        **_BOTH,
        **_texts(
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.nominatedNodeName",
        ),
        "spec.hostNetwork": _flag("spec.hostNetwork"),
        "spec.host": _text("spec.nodeName"),
        "status.podIP": _pod_ip,
        # It may be asked for, and no pod has it.
        "status.podIPs": _empty,
    },
    ("", "nodes"): {**_NAME, "spec.unschedulable": _flag("spec.unschedulable")},
    ("", "namespaces"): {**_NAME, **_texts("status.phase")},
    ("", "services"): {**_BOTH, **_texts("spec.clusterIP", "spec.type")},
    ("", "secrets"): {**_BOTH, **_texts("type")},
    ("", "replicationcontrollers"): {**_BOTH, "status.replicas": _number("status.replicas")},
    ("", "events"): {
        **_BOTH,
        **_of_what("involvedObject"),
        **_texts("reason", "reportingComponent", "type"),
        "source": _source,
    },
    ("events.k8s.io", "events"): {
        **_BOTH,
        **_of_what("regarding"),
        **_texts("reason", "reportingController", "type"),
    },
    ("batch", "jobs"): {**_BOTH, "status.successful": _number("status.succeeded")},
    ("certificates.k8s.io", "certificatesigningrequests"): {**_NAME, **_texts("spec.signerName")},
    ("certificates.k8s.io", "clustertrustbundles"): {**_NAME, **_texts("spec.signerName")},
    ("certificates.k8s.io", "podcertificaterequests"): {
        **_NAME,
        **_texts("spec.signerName", "spec.podName", "spec.nodeName"),
    },
    ("resource.k8s.io", "resourceslices"): {
        **_NAME,
        **_texts("spec.nodeName", "spec.driver", "spec.pool.name"),
    },
}
"""By group and plural: the fields, each with how it is read. What is missing is empty."""


def is_custom(resource: Resource) -> bool:
    """Tell whether a resource is none of kube-apiserver's own.

    Parameters
    ----------
    resource : Resource

    Returns
    -------
    bool
    """
    return resource.group not in BUILT_IN_GROUPS


def fields_of(resource: Resource) -> Mapping[str, Read]:
    """Give the fields that a selector of a resource may name.

    Parameters
    ----------
    resource : Resource

    Returns
    -------
    mapping of str to callable
        By field: from an object's JSON value to what it has there.
    """
    if found := KNOWN_FIELDS.get((resource.group, resource.plural)):
        return found
    return _NAME if is_custom(resource) and not resource.is_namespaced else _BOTH


def unknown_field(name: str, resource: Resource) -> str:
    """Say, in the server's words, that a selector may not name a field.

    Parameters
    ----------
    name : str
    resource : Resource

    Returns
    -------
    str
    """
    match resource.group, resource.plural:
        case "batch", "jobs":
            return f"field label {quoted(name)} not supported for Job"
        case "resource.k8s.io", "resourceslices":
            what = f"{resource.api_version}, Kind={resource.kind}"
            return f"field label not supported for {what}: {name}"
        case key if key in KNOWN_FIELDS or is_custom(resource):
            return f"field label not supported: {name}"
    known = ", ".join(quoted(field) for field in _BOTH)
    return f"{quoted(name)} is not a known field selector: only {known}"
