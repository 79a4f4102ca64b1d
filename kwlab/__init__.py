"""Learn, by breaking it, how a Kubernetes watch survives being cut."""

from __future__ import annotations

TYPE_CHECKING = False
# Nothing is imported here: each command waits for it, and Ctrl-C meanwhile is a traceback.
if TYPE_CHECKING:
    from typing import Any, Final

    from kwlab.check import check_watch_function as check_watch_function
    from kwlab.cost.explorer import CostExplorer as CostExplorer
    from kwlab.errors import KwlabError as KwlabError
    from kwlab.exercises import exercise as exercise
    from kwlab.finding import Guess as Guess
    from kwlab.judging.clients import judge_clients as judge_clients
    from kwlab.lab import open_lab as open_lab
    from kwlab.watching.reachable import prepared as prepared
    from kwlab.watching.reflector import Reflector as Reflector
    from kwlab.watching.reflectoroptions import ReflectorOptions as ReflectorOptions
    from kwlab.watching.response import events as events
    from kwlab.watching.retryoptions import RetryOptions as RetryOptions
    from kwlab.watching.retrywatcher import RetryWatcher as RetryWatcher
    from kwlab.wire import ListOptions as ListOptions
    from kwlab.wire import WatchEvent as WatchEvent

__version__ = "0.1.0"

_HOME: Final = {
    "CostExplorer": "cost.explorer",
    "Guess": "finding",
    "KwlabError": "errors",
    "ListOptions": "wire",
    "RetryOptions": "watching.retryoptions",
    "Reflector": "watching.reflector",
    "ReflectorOptions": "watching.reflectoroptions",
    "RetryWatcher": "watching.retrywatcher",
    "WatchEvent": "wire",
    "check_watch_function": "check",
    "events": "watching.response",
    "exercise": "exercises",
    "judge_clients": "judging.clients",
    "open_lab": "lab",
    "prepared": "watching.reachable",
}
"""Which module each public name is at home in: it is imported when it is first asked for."""

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"kwlab has no {name}: it has {', '.join(_HOME)}")
    from importlib import import_module

    return getattr(import_module(f"kwlab.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*_HOME]
