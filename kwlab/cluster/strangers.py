"""What else is in a namespace: things that kwlab did not make, and so must not take away.

Whatever the server can list there is looked at, by its metadata alone: contents are not asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from kwlab.cluster import connection as reaching
from kwlab.cluster import ownership
from kwlab.cluster.connection import Connection
from kwlab.errors import ClusterError
from kwlab.messages import say
from kwlab.wire import ListOptions, query

_DISCOVERY: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA: Final = "application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList"
"""Both as kubectl asks for them; the server has had them since Kubernetes 1.30 and 1.15."""
_OTHERS: Final = ListOptions(label_selector=f"{ownership.LABEL}!={ownership.OWNER}", limit=20)

_EVERYWHERE: Final = frozenset(
    {("", "configmaps", "kube-root-ca.crt"), ("", "serviceaccounts", "default")}
)
"""What controllers put into every namespace, by group, type and name."""
_REPORTS: Final = frozenset({("", "events"), ("events.k8s.io", "events")})
"""What tells of other things, which are looked at themselves, or are gone."""
_METRICS: Final = "metrics.k8s.io"


class _Type(msgspec.Struct):
    resource: str
    scope: str = ""
    verbs: tuple[str, ...] = ()


class _Version(msgspec.Struct):
    version: str
    resources: tuple[_Type, ...] = ()


class _Metadata(msgspec.Struct):
    name: str = ""


class _Group(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    versions: tuple[_Version, ...] = ()


class _Groups(msgspec.Struct):
    items: tuple[_Group, ...]


class _Object(msgspec.Struct):
    metadata: _Metadata


class _Objects(msgspec.Struct):
    # The server writes null for none.
    items: tuple[_Object, ...] | None


_Form = TypeVar("_Form")


def found(connection: Connection, namespace: str) -> Iterator[str]:
    """Find what is in a namespace without kwlab's label.

    Parameters
    ----------
    connection : Connection
    namespace : str

    Yields
    ------
    str
        As kubectl writes it: ``configmaps/thesis``, ``deployments.apps/web``. Not what every
        namespace has, nor events.

    Raises
    ------
    kubernetes.client.exceptions.ApiException
        When something may not be looked at.
    urllib3.exceptions.HTTPError
        When no answer comes.
    ClusterError
        When it takes too long, or an answer is in another form.
    """
    late = time.monotonic() + reaching.REMOVAL_SECONDS
    for group, version, plural in _types(connection):
        if time.monotonic() >= late:
            raise ClusterError(say("cluster.many_types", seconds=f"{reaching.REMOVAL_SECONDS:g}"))
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        path = f"{root}/namespaces/{namespace}/{plural}"
        for item in _names(connection, f"{path}?{query(_OTHERS)}"):
            if (group, plural, item) not in _EVERYWHERE:
                yield f"{plural}.{group}/{item}" if group else f"{plural}/{item}"


def _types(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Give group, version and plural of what can be listed in a namespace, each once."""
    for root in ("/api", "/apis"):
        known = _get(connection, root, _DISCOVERY, _Groups)
        for group in known.items:
            name = group.metadata.name
            seen: set[str] = set()
            # The preferred version comes first.
            for served in group.versions:
                for each in served.resources:
                    plural = each.resource
                    is_asked = each.scope == "Namespaced" and "list" in each.verbs
                    if is_asked and plural not in seen and not _is_report(name, plural):
                        yield name, served.version, plural
                    seen.add(plural)


def _is_report(group: str, plural: str) -> bool:
    return (group, plural) in _REPORTS or group.endswith(_METRICS)


def _names(connection: Connection, target: str) -> Iterator[str]:
    from kubernetes.client.exceptions import ApiException

    try:
        listed = _get(connection, target, _METADATA, _Objects)
    except ApiException as error:
        # A type that is gone meanwhile, or is listed for the whole cluster only, has nothing here.
        if error.status in {404, 405}:
            return
        raise
    for item in listed.items or ():
        yield item.metadata.name


def _get(connection: Connection, target: str, accept: str, form: type[_Form]) -> _Form:
    body = connection.get(target, reaching.ANSWER_SECONDS, accept).read()
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.MsgspecError as error:
        raise ClusterError(say("cluster.unreadable", target=target, reason=error)) from error
