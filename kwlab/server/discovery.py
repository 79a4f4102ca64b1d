"""What the server says of itself: its version, its health, and the resources that it has.

None of it is about objects, so it is the same at any time, and no history has to begin for it.

References
----------
kube-apiserver 1.37: ``apiserver/pkg/endpoints/discovery``; the names are those of
``kubernetes/pkg/registry``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from kwlab import wire
from kwlab.history import History, Resource
from kwlab.server.accept import Form, chosen
from kwlab.server.exchange import JSON, TEXT, Refusal, Request, Response, whole

VERBS: Final = ("get", "list", "watch")
AGGREGATED: Final = Form("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2")
HEALTH: Final = ("/healthz", "/livez", "/readyz")
"""Each with one check, which has a path of its own: ``ping``."""

_PING: Final = {key: value for key, value in TEXT.items() if key != "X-Content-Type-Options"}
_AGGREGATED_JSON: Final = {
    **JSON,
    "Content-Type": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "Vary": "Accept",
}
_SHORT_NAMES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "configmaps"): ("cm",),
    ("", "endpoints"): ("ep",),
    ("", "events"): ("ev",),
    ("", "namespaces"): ("ns",),
    ("", "nodes"): ("no",),
    ("", "persistentvolumeclaims"): ("pvc",),
    ("", "persistentvolumes"): ("pv",),
    ("", "pods"): ("po",),
    ("", "replicationcontrollers"): ("rc",),
    ("", "serviceaccounts"): ("sa",),
    ("", "services"): ("svc",),
    ("apps", "daemonsets"): ("ds",),
    ("apps", "deployments"): ("deploy",),
    ("apps", "replicasets"): ("rs",),
    ("apps", "statefulsets"): ("sts",),
    ("batch", "cronjobs"): ("cj",),
    ("events.k8s.io", "events"): ("ev",),
    ("networking.k8s.io", "ingresses"): ("ing",),
}
_IN_ALL: Final = frozenset(
    {
        ("", "pods"),
        ("", "replicationcontrollers"),
        ("", "services"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
    }
)
"""What ``kubectl get all`` means."""


def is_about_objects(path: str) -> bool:
    """Tell whether a request asks for objects of a resource, and not for what there is.

    Parameters
    ----------
    path : str

    Returns
    -------
    bool
        True for ``/api/v1/pods`` and below; False for discovery, version and health.
    """
    parts = parts_of(path)
    return len(parts) > {"api": 2, "apis": 3}.get(parts[0] if parts else "", len(parts))


class Discovery:
    """Describe the server of a history.

    Parameters
    ----------
    history : History
        Its resources are all that there is.
    """

    def __init__(self, history: History) -> None:
        self._version = _version(history.server)
        groups: dict[str, dict[str, list[Resource]]] = {"": {"v1": []}}
        for resource in history.resources:
            versions = groups.setdefault(resource.group, {})
            versions.setdefault(resource.version, []).append(resource)
        self._core = groups.pop("")
        self._groups = groups

    def respond(self, request: Request, at: float) -> Response | None:
        """Answer what asks for no objects.

        Parameters
        ----------
        request : Request
        at : float
            In seconds.

        Returns
        -------
        Response or None
            None for what is not known here.

        Raises
        ------
        Refusal
            405 for what is not GET, 406 for what cannot be had.
        """
        if health := _health(request, at):
            return health
        parts = parts_of(request.path)
        written = self._written(request.path)
        document = None if written else self._document(parts)
        if not written and document is None:
            return None
        if request.method != "GET":
            message = "the server does not allow this method on the requested resource"
            raise Refusal(405, "MethodNotAllowed", message, {})
        if written:
            return whole(at, 200, JSON, written)
        if chosen(request.accept, (AGGREGATED,) if len(parts) == 1 else ()) == AGGREGATED:
            groups = {"": self._core} if parts == ["api"] else self._groups
            return whole(at, 200, _AGGREGATED_JSON, wire.encode(_aggregated(groups)) + b"\n")
        return whole(at, 200, JSON, wire.encode(document) + b"\n")

    def _written(self, path: str) -> bytes:
        """Give what is indented for whoever reads it, as on a real server; else nothing."""
        if path == "/":
            return msgspec.json.format(wire.encode({"paths": sorted(self._paths())}), indent=2)
        return self._version if parts_of(path) == ["version"] else b""

    def _paths(self) -> Iterator[str]:
        yield from ("/api", "/apis", "/apis/", "/version")
        yield from (f"/api/{version}" for version in self._core)
        for name, versions in self._groups.items():
            yield f"/apis/{name}"
            yield from (f"/apis/{name}/{version}" for version in versions)
        for path in HEALTH:
            yield from (path, f"{path}/ping")

    def _document(self, parts: list[str]) -> dict[str, Any] | None:
        match parts:
            case ["api"]:
                # An address would be the door's, and both doors give the same bytes.
                return {
                    "kind": "APIVersions",
                    "versions": list(self._core),
                    "serverAddressByClientCIDRs": [],
                }
            case ["api", version] if version in self._core:
                return _resource_list("", version, self._core[version])
            case ["apis"]:
                groups = [_group(name, versions) for name, versions in self._groups.items()]
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            case ["apis", name] if name in self._groups:
                head = {"kind": "APIGroup", "apiVersion": "v1"}
                return {**head, **_group(name, self._groups[name])}
            case ["apis", name, version] if version in self._groups.get(name, ()):
                return _resource_list(name, version, self._groups[name][version])
            case _:
                return None


def parts_of(path: str) -> list[str]:
    """Cut a path at its slashes.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of str
        Slashes at the end do not count; two in a row elsewhere leave an empty part.
    """
    return path.rstrip("/").split("/")[1:]


def _health(request: Request, at: float) -> Response | None:
    """Answer as a healthy server does; None where its health is not asked for."""
    parent, _, last = request.path.rpartition("/")
    if parent in HEALTH and last == "ping":
        return whole(at, 200, _PING, b"ok")
    if request.path not in HEALTH:
        return None
    if request.get("verbose") is None:
        return whole(at, 200, TEXT, b"ok")
    return whole(at, 200, TEXT, f"[+]ping ok\n{last} check passed\n".encode())


def _version(server: str) -> bytes:
    """Give the body of /version, indented as a real server's is."""
    numbers = re.match(r"v?(\d+)\.(\d+)(\.\d+)?$", server)
    major, minor, patch = numbers.groups("") if numbers else ("", "", "")
    # Clients refuse a version without three numbers; what follows "+" says whose it is.
    said = f"v{major}.{minor}{patch or '.0'}+kwlab" if numbers else server
    value = {"major": major, "minor": minor, "gitVersion": said}
    unknown = ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
    body = wire.encode({**value, **dict.fromkeys(unknown, "")})
    return msgspec.json.format(body, indent=2)


def _group(name: str, versions: Iterable[str]) -> dict[str, Any]:
    known = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": known, "preferredVersion": known[0]}


def _resource_list(group: str, version: str, resources: Iterable[Resource]) -> dict[str, Any]:
    # The core group's has no apiVersion, to this day.
    head = {"apiVersion": "v1"} if group else {}
    named = f"{group}/{version}" if group else version
    found = [_resource(resource) for resource in _sorted(resources)]
    return {"kind": "APIResourceList", **head, "groupVersion": named, "resources": found}


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
        **_nicknames(resource),
    }


def _aggregated(groups: Mapping[str, Mapping[str, Iterable[Resource]]]) -> dict[str, Any]:
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [
                {
                    "version": version,
                    "resources": [_discovered(resource) for resource in _sorted(resources)],
                    "freshness": "Current",
                }
                for version, resources in versions.items()
            ],
        }
        for name, versions in groups.items()
    ]
    head = {"kind": AGGREGATED.kind, "apiVersion": f"{AGGREGATED.group}/{AGGREGATED.version}"}
    return {**head, "metadata": {}, "items": items}


def _discovered(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource.plural,
        # Group and version are those of the list that it stands in.
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.is_namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
        "verbs": VERBS,
        **_nicknames(resource),
    }


def _nicknames(resource: Resource) -> dict[str, Any]:
    key = resource.group, resource.plural
    short = {"shortNames": _SHORT_NAMES[key]} if key in _SHORT_NAMES else {}
    return {**short, **({"categories": ("all",)} if key in _IN_ALL else {})}


def _sorted(resources: Iterable[Resource]) -> list[Resource]:
    return sorted(resources, key=lambda resource: resource.plural)
