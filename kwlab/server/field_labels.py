"""Which fields of a type a selector may name, and what an object has there.

References
----------
kubernetes 1.37.2: the fields are those of ``AddFieldLabelConversionFunc`` in
``pkg/apis/*/v*/conversion.go``, their values those of the strategies in ``pkg/registry``. Any
other type has what ``DefaultMetaV1FieldSelectorConversion`` of apimachinery 0.37.2 lets through,
and a custom resource what the ``crConverter`` of apiextensions-apiserver 0.37.2 does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kwlab.history import Resource
from kwlab.server.quoting import quoted

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


@dataclass(frozen=True, slots=True)
class Field:
    """Where an object has what a selector names.

    Parameters
    ----------
    paths : tuple of tuple of (str or int)
        Keys and places in lists; the first path at which something stands counts.
    empty : str, int, bool or None
        What stands for nothing; its type is that of the values.
    """

    paths: tuple[tuple[str | int, ...], ...]
    empty: str | int | bool | None = ""

    def read(self, item: Mapping[str, Any]) -> str | None:
        """Give what an object has there, as a selector writes it.

        Parameters
        ----------
        item : mapping
            The object's JSON value.

        Returns
        -------
        str or None
            None only for a label that it has not got.
        """
        found = [value for path in self.paths if (value := _value(item, path)) is not None]
        value = next(filter(None, found), found[0] if found else self.empty)
        if isinstance(self.empty, bool):
            return "true" if value else "false"
        return None if value is None else str(value)


def label(key: str) -> Field:
    """Give where an object has a label.

    Parameters
    ----------
    key : str

    Returns
    -------
    Field
    """
    return Field((("metadata", "labels", key),), None)


def _value(item: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        try:
            item = item[step]
        except (KeyError, IndexError, TypeError):
            return None
    return item


def _field(*dotted: str, empty: str | int | bool = "") -> Field:
    return Field(tuple(tuple(path.split(".")) for path in dotted), empty)


def _texts(*paths: str) -> dict[str, Field]:
    return {path: _field(path) for path in paths}


def _of_what(field: str) -> dict[str, Field]:
    """Give the fields of an object that an event is about."""
    parts = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    return _texts(*(f"{field}.{part}" for part in parts))


_NAME: Final = _texts("metadata.name")
_BOTH: Final = _texts("metadata.name", "metadata.namespace")

KNOWN_FIELDS: Final[Mapping[tuple[str, str], Mapping[str, Field]]] = {
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
        "spec.hostNetwork": _field("spec.hostNetwork", empty=False),
        "spec.host": _field("spec.nodeName"),
        "status.podIP": Field((("status", "podIPs", 0, "ip"), ("status", "podIP"))),
        # It may be asked for, and no pod has it.
        "status.podIPs": Field(()),
    },
    ("", "nodes"): {**_NAME, "spec.unschedulable": _field("spec.unschedulable", empty=False)},
    ("", "namespaces"): {**_NAME, **_texts("status.phase")},
    ("", "services"): {**_BOTH, **_texts("spec.clusterIP", "spec.type")},
    ("", "secrets"): {**_BOTH, **_texts("type")},
    ("", "replicationcontrollers"): {
        **_BOTH,
        "status.replicas": _field("status.replicas", empty=0),
    },
    ("", "events"): {
        **_BOTH,
        **_of_what("involvedObject"),
        **_texts("reason", "reportingComponent", "type"),
        "source": _field("source.component", "reportingComponent"),
    },
    ("events.k8s.io", "events"): {
        **_BOTH,
        **_of_what("regarding"),
        **_texts("reason", "reportingController", "type"),
    },
    ("batch", "jobs"): {**_BOTH, "status.successful": _field("status.succeeded", empty=0)},
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
"""By group and plural: the fields, each with where it stands."""


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


def fields_of(resource: Resource) -> Mapping[str, Field]:
    """Give the fields that a selector of a resource may name.

    Parameters
    ----------
    resource : Resource

    Returns
    -------
    mapping of str to Field
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
