"""Watch functions for labelled ConfigMaps of all namespaces: the right one, and the wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kwlab
from kwlab.lab import Lab
from kwlab.wire import ListOptions, WatchEvent
from tests.watch_functions import WatchFunction


def watch(lab: Lab, **options: Any) -> Any:
    options = {"label_selector": "app=web", "timeout_seconds": 60, **options}
    return lab.api.list_config_map_for_all_namespaces(watch=True, _preload_content=False, **options)


def correct(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options)


def no_timeout(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options, timeout_seconds=None)


def ellipsis(lab: Lab) -> WatchFunction:
    return lambda options: None


def unselected(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options, label_selector=None)


def dropped(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab)


def pinned(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options.replace(resource_version=lab.resource_version))


def zero(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options.replace(resource_version="0"))


def one_up(lab: Lab) -> WatchFunction:
    def one_up(options: ListOptions) -> Any:
        above = str(int(options["resource_version"]) + 1)
        return watch(lab, **options.replace(resource_version=above))

    return one_up


def dedup(lab: Lab) -> WatchFunction:
    seen: set[tuple[str, str]] = set()

    def dedup(options: ListOptions) -> Iterator[WatchEvent]:
        if not seen:
            listed = lab.api.list_config_map_for_all_namespaces(label_selector="app=web").items
            seen.update((one.metadata.uid, one.metadata.resource_version) for one in listed)
        for event in kwlab.events(watch(lab)):
            if (key := (event.uid, event.resource_version)) not in seen:
                seen.add(key)
                yield event

    return dedup


def one_namespace(lab: Lab) -> WatchFunction:
    return lambda options: lab.api.list_namespaced_config_map(
        lab.namespace, watch=True, _preload_content=False, label_selector="app=web", **options
    )


def pods(lab: Lab) -> WatchFunction:
    return lambda options: lab.api.list_pod_for_all_namespaces(
        watch=True, _preload_content=False, label_selector="app=web", **options
    )


def unreturned(lab: Lab) -> WatchFunction:
    def unreturned(options: ListOptions) -> None:
        watch(lab, **options)

    return unreturned


def no_bookmarks(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, resource_version=options.resource_version)


def keeps_back(lab: Lab) -> WatchFunction:
    def keeps_back(options: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(watch(lab, **options)):
            if event.type != "BOOKMARK":
                yield event

    return keeps_back


def hot(lab: Lab) -> WatchFunction:
    def hot(options: ListOptions) -> Any:
        while True:
            watch(lab, **options)

    return hot


def own_loop(lab: Lab) -> WatchFunction:
    def own_loop(options: ListOptions) -> Iterator[WatchEvent]:
        while True:
            yield from kwlab.events(watch(lab, **options))

    return own_loop


def endless(lab: Lab) -> WatchFunction:
    def endless(options: ListOptions) -> Any:
        while True:
            pass

    return endless


def thrown_away(lab: Lab) -> WatchFunction:
    def thrown_away(options: ListOptions) -> Any:
        options.replace(timeout_seconds=60, label_selector="app=web")
        return watch(lab, **options, label_selector=None)

    return thrown_away
