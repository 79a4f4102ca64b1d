"""Which namespaces this program uses; what is in them is removed when it ends, however it ends.

A killed process removes nothing: for that there is ``python -m kwlab clean``.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections import defaultdict
from typing import Final

from kwlab.cluster import ownership, signals
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
    signals.heed()
    # Before it is made: whoever is interrupted meanwhile removes it too.
    _taken[key] = kept, labs + 1
    try:
        namespace.claim()
    except ClusterError:
        if not namespace.may_be_left:
            _count_less(key)
        raise


_turns: Final[dict[tuple[str, str], threading.RLock]] = defaultdict(threading.RLock)


def turn(namespace: Namespace) -> threading.RLock:
    """Give what is held while a story is played: a namespace holds one, and a second run waits."""
    return _turns[_key(namespace)]


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
    if key not in _taken:
        return
    if _taken[key][1] == 1:
        # Before it is forgotten: whoever is interrupted meanwhile removes it at the end.
        _release(namespace)
    _count_less(key)


def release_all() -> None:
    """Remove everything; what cannot be removed is told."""
    for (context, name), (namespace, _) in list(_taken.items()):
        try:
            _release(namespace)
        except (Exception, KeyboardInterrupt) as error:
            # Whatever happened, the others are still to be removed.
            facts = {"context": context, "namespace": name}
            tell(say("cluster.left", reason=_reason(error), **facts))
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


def _release(namespace: Namespace) -> None:
    namespace.release()
    if namespace.kept:
        tell(namespace.kept)


def _count_less(key: tuple[str, str]) -> None:
    """Count one lab less, and forget a namespace without any."""
    namespace, labs = _taken.pop(key)
    if labs > 1:
        _taken[key] = namespace, labs - 1


def _reason(error: BaseException) -> str:
    if isinstance(error, ClusterError):
        return str(error)
    what = " ".join(f"{type(error).__name__} {error}".split())
    return say("cluster.removal_failed", what=what)


def _key(namespace: Namespace) -> tuple[str, str]:
    return namespace.connection.context, namespace.name


atexit.register(release_all)
