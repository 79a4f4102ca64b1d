"""Check a watch function of your own, outside of any notebook.

The function is given what leads to the embedded server, and the options that a retry loop hands
over; it asks with them as it would ask a cluster, and returns the open response, or is a
generator of events. What it watches, the check learns from what it asks::

    import kwlab
    from kubernetes.client import AppsV1Api


    def watch_deployments(apps, namespace, options):  # your own code
        options = options.replace(timeout_seconds=300, label_selector="app=web")
        return apps.list_namespaced_deployment(
            namespace, watch=True, _preload_content=False, **options
        )


    def from_kwlab(lab, options):
        return watch_deployments(AppsV1Api(lab.api.api_client), lab.namespace, options)


    judged = kwlab.check_watch_function(from_kwlab)
    assert judged.is_correct, judged

``lab`` is a :class:`~kwlab.lab.Lab`: ``lab.api`` is a ``CoreV1Api`` and ``lab.api.api_client`` its
client, ``lab.http`` the urllib3 pool below, ``lab.url`` what stands in front of paths, and
``lab.namespace`` a namespace with something in it. It is called for several histories, one after
the other, and so has to do without a memory of its own. Time in it is virtual: a check takes a
second or two. On the command line: ``python -m kwlab check my_module:from_kwlab``.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from kwlab.errors import LabError
from kwlab.history import Object, Resource
from kwlab.judging import trials
from kwlab.judging.judge import Judgement, Verdict, first_request, judge, misfit
from kwlab.judging.misconceptions import Selects, Task, Trial
from kwlab.lab import STORY, Lab, load
from kwlab.log import Request
from kwlab.messages import say
from kwlab.scope import PATH
from kwlab.server import selectors
from kwlab.wire import ListOptions

OwnFunction: TypeAlias = Callable[[Lab, ListOptions], object]
"""What is checked: from where the server is, and from where to start, to an open response."""

_OTHER_NAMESPACE: Final = "kwlab-other"
_EQUALITY: Final = re.compile(r"\s*([\w./-]+)\s*==?\s*([\w.-]*)\s*")
_KINDS: Final[Mapping[str, str]] = {"configmaps": "ConfigMap", "pods": "Pod"}
"""How kinds are spelt that are more than a plural without its last letter."""


def check_watch_function(function: OwnFunction, *, limit_seconds: float | None = None) -> Judgement:
    """Try a watch function on cuts, absences, deletions, recreations and quiet times.

    Parameters
    ----------
    function : callable
        Called with a :class:`~kwlab.lab.Lab`, which leads to the server, and with
        :class:`~kwlab.wire.ListOptions`, each time that a watch is to be opened.
    limit_seconds : float, optional
        How long it may take for one trial, in real seconds; 20 when None.

    Returns
    -------
    Judgement
        ``is_correct`` for an assertion, ``str()`` for what to say when it fails; ``broken`` and
        ``misconception`` tell what is wrong, ``shown`` has the strip.

    Raises
    ------
    LabError
        When the function cannot be called like that, or nothing can be made that it watches.

    Examples
    --------
    >>> def forgetful(lab, options):
    ...     return lab.api.list_namespaced_pod(
    ...         lab.namespace, watch=True, _preload_content=False, timeout_seconds=60
    ...     )
    >>> judged = check_watch_function(forgetful)
    >>> judged.is_correct, judged.misconception, judged.broken.property.value
    (False, 'dropped', 'P1')
    """
    lab = Lab(load(STORY))
    _check_signature(function, lab)
    given = partial(function, lab)
    name = getattr(function, "__name__", "function")
    probe = Task("check", say("check.call"), (Trial("story", load(STORY)),))
    asked = first_request(given, probe, lab, name=name, limit_seconds=limit_seconds)
    if isinstance(asked, Judgement):
        return asked
    task = probe if asked is None else _task(asked, lab)
    return judge(given, task, lab, name=name, limit_seconds=limit_seconds)


def _check_signature(function: OwnFunction, lab: Lab) -> None:
    if not callable(function):
        raise LabError(say("check.not_callable", kind=type(function).__name__))
    if error := misfit(function, lab, ListOptions()):
        name = getattr(function, "__name__", "function")
        signature = inspect.signature(function)
        raise LabError(say("check.signature", name=name, signature=signature)) from error


def _task(asked: Request, lab: Lab) -> Task:
    """Make what a function watches, from the first request that it made."""
    found = PATH.fullmatch(asked.path)
    if found is None:
        raise LabError(say("check.path", path=asked.path))
    if asked.parameter("fieldSelector"):
        raise LabError(say("check.field_selector", selector=asked.parameter("fieldSelector")))
    plural = found["plural"]
    kind = _KINDS.get(plural, plural.removesuffix("s").capitalize())
    resource = Resource(found["group"] or "", found["version"], plural, kind)
    selector = asked.parameter("labelSelector") or ""
    namespace = found["namespace"]
    made = trials.scripts(
        resource, _labels(selector), (namespace or lab.namespace, _OTHER_NAMESPACE)
    )
    is_recorded = asked.path == f"/api/v1/namespaces/{lab.namespace}/pods" and not selector
    recorded = trials.recordings() if is_recorded else ()
    selects = _selects(selector, namespace)
    return Task("check", say("check.call"), (*recorded, *made), selects=selects)


def _labels(selector: str) -> dict[str, str]:
    """Give labels that a selector takes: those of its equalities."""
    parts = [_EQUALITY.fullmatch(part) for part in selector.split(",") if part]
    if not all(parts):
        raise LabError(say("check.label_selector", selector=selector))
    return {found[1]: found[2] for found in parts if found}


def _selects(selector: str, namespace: str | None) -> Selects:
    by_label = selectors.label_selector(selector)

    def selects(item: Object) -> bool:
        return namespace in {None, item.namespace} and by_label(item)

    return selects


def load_function(target: str) -> OwnFunction:
    """Import a function by its name.

    Parameters
    ----------
    target : str
        ``module:function``; the current directory is looked in first.

    Returns
    -------
    callable

    Raises
    ------
    LabError
        In one line: no such form, no such module, one that fails, or no such function in it.
    """
    module_name, colon, name = target.partition(":")
    if not colon or not module_name or not name:
        raise LabError(say("check.target", target=target))
    if "" not in sys.path and os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise LabError(
                say("check.import", module=module_name, error=_one_line(error))
            ) from error
        raise LabError(say("check.no_module", module=module_name)) from error
    except Exception as error:
        raise LabError(say("check.import", module=module_name, error=_one_line(error))) from error
    function = getattr(module, name, None)
    if function is None:
        raise LabError(say("check.no_function", module=module_name, name=name))
    checked: OwnFunction = function
    return checked


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


CANNOT_BE_RUN: Final = 2
"""The exit status for what cannot be judged, as for a wrong command line."""


def exit_status(judged: Judgement) -> int:
    """Give the exit status of ``python -m kwlab check``.

    Parameters
    ----------
    judged : Judgement

    Returns
    -------
    int
        0 for correct, 1 for not yet, 2 for a function that raised or never came back.
    """
    if judged.misconception in {"raised", "endless"}:
        return CANNOT_BE_RUN
    return 0 if judged.verdict is Verdict.CORRECT else 1
