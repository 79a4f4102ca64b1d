"""Which namespaces this program uses; what is in them is removed when it ends, however it ends.

A killed process removes nothing: for that there is ``python -m kwlab clean``.
"""

from __future__ import annotations

import atexit
import sys
from typing import Final

from kwlab.cluster import ownership
from kwlab.cluster.namespace import Namespace
from kwlab.errors import ClusterError
from kwlab.messages import say

_taken: Final[dict[tuple[str, str], tuple[Namespace, int]]] = {}
"""By context and name: the namespace, and how many labs play in it."""


def take(namespace: Namespace) -> None:
    """Claim a namespace, and say so before the first time.

    Parameters
    ----------
    namespace : Namespace

    Raises
    ------
    ClusterError
        As :meth:`Namespace.claim` does.
    """
    key = _key(namespace)
    kept, labs = _taken.get(key, (namespace, 0))
    if not labs:
        facts = {"context": key[0], "namespace": key[1], "url": namespace.connection.url}
        tell(say("cluster.will", label=ownership.SELECTOR, **facts))
    # Before it is made: whoever is interrupted meanwhile removes it too.
    _taken[key] = kept, labs + 1
    try:
        namespace.claim()
    except ClusterError:
        _forget(key)
        raise


def give_back(namespace: Namespace) -> None:
    """Remove what is in a namespace, when no other lab of this program plays there.

    Parameters
    ----------
    namespace : Namespace

    Raises
    ------
    ClusterError
        When the cluster refuses, or is not reached any more.
    """
    key = _key(namespace)
    if key in _taken and _forget(key):
        namespace.release()


def release_all() -> None:
    """Remove everything; what cannot be removed is told."""
    for (context, name), (namespace, _) in list(_taken.items()):
        try:
            namespace.release()
        except ClusterError as error:
            tell(say("cluster.left", context=context, namespace=name, reason=error))
    _taken.clear()


def tell(text: str, *, end: str = "\n") -> None:
    """Tell a person what happens.

    Parameters
    ----------
    text, end : str
        On standard error: what a cell prints is the finding, and nothing else.
    """
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _forget(key: tuple[str, str]) -> bool:
    """Count one lab less; tell whether it was the last."""
    namespace, labs = _taken.pop(key)
    if labs > 1:
        _taken[key] = namespace, labs - 1
    return labs == 1


def _key(namespace: Namespace) -> tuple[str, str]:
    return namespace.connection.context, namespace.name


atexit.register(release_all)
