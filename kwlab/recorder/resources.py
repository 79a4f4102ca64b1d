"""Which resource types are recorded: found under the names that kubectl takes; never secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from kwlab.cluster.connection import CONNECT_SECONDS, Connection
from kwlab.errors import ClusterError, LabError
from kwlab.messages import say
from kwlab.recording import ResourceEntry

if TYPE_CHECKING:
    from kubernetes.client import V1APIResource

_SECRET_WORDS: Final = ("secret", "token")
"""What is called so holds credentials, whoever defined it: OpenShift and Rancher serve tokens."""
_NEEDED: Final = frozenset({"list", "watch"})


def find(connection: Connection, words: Iterable[str]) -> tuple[ResourceEntry, ...]:
    """Find resource types, each under a name that kubectl takes.

    Parameters
    ----------
    connection : Connection
    words : iterable of str
        ``pods``, ``pod``, ``po``, ``deployments.apps``, ``deployments.v1.apps``.

    Returns
    -------
    tuple of ResourceEntry
        In the order of the words, none twice.

    Raises
    ------
    LabError
        For what may hold credentials, before or after the cluster was asked about it.
    ClusterError
        For a name that the cluster does not know, and for what cannot be watched.
    """
    asked = tuple(words)
    for word in asked:
        refuse_secret(word)
    entries = [_found(connection, word) for word in asked]
    return tuple(dict.fromkeys(entries))


def refuse_secret(word: str) -> None:
    """Refuse what may hold credentials by its name alone.

    Parameters
    ----------
    word : str

    Raises
    ------
    LabError
        A subresource is refused too: ``serviceaccounts/token``.
    """
    if "/" in word or any(part in word.lower() for part in _SECRET_WORDS):
        raise LabError(say("record.secret", resource=word))


def _found(connection: Connection, word: str) -> ResourceEntry:
    name, _, where = word.lower().partition(".")
    with connection.clear_errors():
        for group, version in _places(connection, where):
            for served in _served(connection, group, version, is_named=bool(where)):
                if name in _names(served):
                    return _entry(served, group, version, word)
    raise ClusterError(say("record.no_resource", resource=word, context=connection.context))


def _places(connection: Connection, where: str) -> Iterator[tuple[str, str]]:
    """Give the (group, version) in which a name is looked for, the core group first."""
    from kubernetes.client import ApisApi

    if where in {"", "v1"}:
        yield "", "v1"
    known = ApisApi(connection.client).get_api_versions(_request_timeout=CONNECT_SECONDS)
    for group in known.groups:
        preferred = (group.preferred_version or group.versions[0]).version
        if where in {"", group.name}:
            yield group.name, preferred
        for each in group.versions:
            if where == f"{each.version}.{group.name}":
                yield group.name, each.version


def _served(
    connection: Connection, group: str, version: str, *, is_named: bool
) -> Iterator[V1APIResource]:
    from kubernetes.client import CoreV1Api, CustomObjectsApi
    from kubernetes.client.exceptions import ApiException

    try:
        if group:
            api: Any = CustomObjectsApi(connection.client)
            known = api.get_api_resources(group, version, _request_timeout=CONNECT_SECONDS)
        else:
            core: Any = CoreV1Api(connection.client)
            known = core.get_api_resources(_request_timeout=CONNECT_SECONDS)
    except ApiException:
        # A group whose own server is away says nothing about the others.
        if is_named or not group:
            raise
        return
    yield from (one for one in known.resources if "/" not in one.name)


def _names(served: V1APIResource) -> set[str]:
    aliases = served.short_names or ()
    return {served.name, served.singular_name, served.kind.lower(), *aliases} - {""}


def _entry(served: V1APIResource, group: str, version: str, word: str) -> ResourceEntry:
    refuse_secret(served.name)
    refuse_secret(served.kind)
    if not set(served.verbs) >= _NEEDED:
        raise ClusterError(say("record.not_watchable", resource=word))
    return ResourceEntry(
        plural=served.name,
        kind=served.kind,
        group=group,
        version=version,
        namespaced=served.namespaced,
    )
