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


    assert kwlab.check_watch_function(from_kwlab)

``lab`` is a :class:`~kwlab.lab.Lab`: ``lab.api`` is a ``CoreV1Api`` and ``lab.api.api_client`` its
client, ``lab.http`` the urllib3 pool below, ``lab.url`` what stands in front of paths, and
``lab.namespace`` a namespace with something in it. It is called for several histories, one after
the other, and so has to do without a memory of its own. Time in it is virtual: a check takes a
second or two. On the command line: ``kwlab check my_module:from_kwlab``.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from kwlab.errors import LabError, UsageError
from kwlab.exits import Exit
from kwlab.judging import trials
from kwlab.judging.blank import resource_of
from kwlab.judging.judge import Judgement, Limit, Verdict, first_request, judge, misfit
from kwlab.judging.misconceptions import Task, Trial
from kwlab.lab import STORY, Lab, load
from kwlab.messages import say
from kwlab.scope import PATH, Scope
from kwlab.server.field_labels import fields_of
from kwlab.watched import selected_by
from kwlab.wire import ListOptions

OwnFunction: TypeAlias = Callable[[Lab, ListOptions], object]
"""What is checked: from where the server is, and from where to start, to an open response."""


def check_watch_function(function: OwnFunction, *, limit_seconds: float | None = None) -> Judgement:
    """Try a watch function on cuts, absences, deletions, recreations and quiet times.

    Parameters
    ----------
    function : callable
        Called with a :class:`~kwlab.lab.Lab`, which leads to the server, and with
        :class:`~kwlab.wire.ListOptions`, each time that a watch is to be opened.
    limit_seconds : float, optional
        How long the whole check may take, in real seconds; 20 when None. A call that waits or
        computes outside Python, such as ``time.sleep``, is ended only when it returns.

    Returns
    -------
    Judgement
        True in an assertion where the function is correct, and only there; ``str()`` says what
        is wrong, ``broken`` and ``misconception`` name it, ``shown`` has the strip.

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
    >>> bool(judged), judged.misconception, judged.broken.property.value
    (False, 'dropped', 'P1')
    """
    lab = Lab(load(STORY))
    _check_signature(function, lab)
    given = partial(function, lab)
    name = getattr(function, "__name__", "function")
    limit = Limit(lab, limit_seconds)
    probe = Task("check", say("check.call"), (Trial("story", load(STORY)),))
    asked = first_request(given, probe, lab, name=name, limit=limit)
    if isinstance(asked, Judgement):
        return asked
    task = probe if asked is None else task_of(Scope.of(asked), lab.namespace)
    return judge(given, task, lab, name=name, limit=limit)


def _check_signature(function: OwnFunction, lab: Lab) -> None:
    if not callable(function):
        raise LabError(say("check.not_callable", kind=type(function).__name__))
    if error := misfit(function, lab, ListOptions()):
        name = getattr(function, "__name__", "function")
        signature = inspect.signature(function)
        raise LabError(say("check.signature", name=name, signature=signature)) from error


def task_of(scope: Scope, home: str) -> Task:
    """Make what a function watches.

    Parameters
    ----------
    scope : Scope
        What it asked for first: that is what it watches.
    home : str
        The namespace where none is asked for.

    Returns
    -------
    Task

    Raises
    ------
    LabError
        When it is no path of a list, the server would not read a selector, or nothing can match.
    """
    found = PATH.fullmatch(scope.path)
    if found is None:
        raise LabError(say("check.path", path=scope.path))
    resource = resource_of(found["group"] or "", found["version"], found["plural"])
    is_namespaced = bool(found["namespace"]) or "metadata.namespace" in fields_of(resource)
    resource = replace(resource, is_namespaced=is_namespaced)
    made = trials.scripts(scope, resource, home)
    is_recorded = scope == Scope(f"/api/v1/namespaces/{home}/pods", "", "")
    recorded = trials.recordings() if is_recorded else ()
    selects = selected_by(scope, resource)
    return Task("check", say("check.call"), (*recorded, *made), selects=selects, scope=scope)


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
        raise UsageError(say("check.target", target=target))
    if "" not in sys.path and os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise LabError(
                say("check.import", module=module_name, error=_one_line(error))
            ) from error
        raise UsageError(say("check.no_module", module=module_name)) from error
    except Exception as error:
        raise LabError(say("check.import", module=module_name, error=_one_line(error))) from error
    function = getattr(module, name, None)
    if function is None:
        raise UsageError(say("check.no_function", module=module_name, name=name))
    checked: OwnFunction = function
    return checked


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def exit_status(judged: Judgement) -> Exit:
    """Give the exit status of ``kwlab check``.

    Parameters
    ----------
    judged : Judgement

    Returns
    -------
    Exit
        A function that raised or never came back cannot be judged.
    """
    if judged.misconception in {"raised", "endless"}:
        return Exit.CANNOT_BE_JUDGED
    return Exit.OK if judged.verdict is Verdict.CORRECT else Exit.FAILED
