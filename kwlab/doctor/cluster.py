"""A cluster that was named: that it answers, that kwlab may do there what it does, and where.

Nothing is made: permissions are asked for, one by one, as ``kubectl auth can-i`` does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kwlab.doctor.findings import Finding, ok, problem
from kwlab.messages import say

if TYPE_CHECKING:
    from kwlab.cluster.connection import Connection

WORKSHOP: Final = Path(__file__).parents[1] / "cluster" / "workshop.yaml"
"""What a learner needs on a cluster; its Role says what is asked for here."""
OWN_NAMESPACE: Final = (("create", "namespaces"), ("delete", "namespaces"))
"""What is needed besides, where kwlab makes the namespace itself."""


def cluster(context: str) -> Finding:
    """Reach the cluster.

    Parameters
    ----------
    context : str

    Returns
    -------
    Finding
    """
    from kwlab.cluster.endpoint import ServerEndpoint

    with _reached(context) as reached:
        # It refuses what cannot be cut, such as a way through a proxy.
        ServerEndpoint(reached)
        return ok("cluster.fine", context=context, version=reached.version, url=reached.url)


def permissions(context: str) -> Finding:
    """Ask for each permission that the Role of the workshop grants.

    Parameters
    ----------
    context : str

    Returns
    -------
    Finding
        It names each that is missing.
    """
    with _reached(context) as reached:
        place = _place(reached)
        wanted = list(_in_role())
        denied = [right for right in wanted if not _may(reached, place, right)]
    where = say("cluster.in_namespace", namespace=place)
    if denied:
        return problem("permissions.denied", rights=_said(denied), place=where, manifest=WORKSHOP)
    return ok("permissions.fine", n=len(wanted), place=where)


def namespace(context: str) -> Finding:
    """Look at the namespace that kwlab would use.

    Parameters
    ----------
    context : str

    Returns
    -------
    Finding
        It may be there with kwlab's label, or be missing if kwlab may make it.
    """
    from kwlab.cluster import ownership

    with _reached(context) as reached:
        name = _place(reached)
        found = _read(reached, name)
        if found is None:
            denied = [right for right in OWN_NAMESPACE if not _may(reached, "", right)]
            if denied:
                facts = {"rights": _said(denied), "manifest": WORKSHOP}
                return problem("namespace.denied", namespace=name, **facts)
            return ok("namespace.made", namespace=name)
    if found.metadata.deletion_timestamp is not None:
        return problem("namespace.terminating", namespace=name)
    if (found.metadata.labels or {}).get(ownership.LABEL) != ownership.OWNER:
        return problem("namespace.other", namespace=name, label=ownership.SELECTOR)
    return ok("namespace.fine", namespace=name)


@contextlib.contextmanager
def _reached(context: str) -> Iterator[Connection]:
    from kwlab.cluster.connection import connect

    reached = connect(context)
    try:
        with reached.clear_errors():
            yield reached
    finally:
        reached.close()


def _place(reached: Connection) -> str:
    from kwlab.cluster.namespace import named
    from kwlab.lab import NAMESPACE

    return named(reached, os.environ.get(NAMESPACE))


def _in_role() -> Iterator[tuple[str, str]]:
    """Give each verb and resource of the workshop's Role: one truth about what is needed."""
    import yaml

    for document in yaml.safe_load_all(WORKSHOP.read_text(encoding="utf-8")):
        if document["kind"] == "Role":
            for rule in document["rules"]:
                for resource in rule["resources"]:
                    yield from ((verb, resource) for verb in rule["verbs"])


def _may(reached: Connection, place: str, right: tuple[str, str]) -> bool:
    from kubernetes.client import AuthorizationV1Api

    from kwlab.cluster import connection

    verb, resource = right
    asked = {"namespace": place, "verb": verb, "resource": resource}
    if resource == "namespaces" and verb == "get":
        # A Role that lets one namespace be seen names no other: the server asks for it by name.
        asked["name"] = place
    review: Any = AuthorizationV1Api(reached.client).create_self_subject_access_review
    body = {"spec": {"resourceAttributes": asked}}
    answer = review(body, _request_timeout=connection.ANSWER_SECONDS)
    return bool(answer.status.allowed)


def _said(rights: list[tuple[str, str]]) -> str:
    resources = dict.fromkeys(resource for _, resource in rights)
    return "; ".join(
        f"{', '.join(verb for verb, of in rights if of == resource)} {resource}"
        for resource in resources
    )


def _read(reached: Connection, name: str) -> Any:
    from kubernetes.client import CoreV1Api
    from kubernetes.client.exceptions import ApiException

    from kwlab.cluster import connection

    read: Any = CoreV1Api(reached.client).read_namespace
    try:
        return read(name, _request_timeout=connection.ANSWER_SECONDS)
    except ApiException as error:
        if error.status == 404:
            return None
        raise
