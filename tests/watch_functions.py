"""Watch functions as learners write them: right, wrong, and wrong in other ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import kwlab
from kwlab.lab import Lab
from kwlab.wire import ListOptions, WatchEvent

WatchFunction = Callable[[ListOptions], Any]


def watch(lab: Lab, **options: Any) -> Any:
    """Open one watch of the lab's pods."""
    return lab.api.list_namespaced_pod(lab.namespace, watch=True, _preload_content=False, **options)


def wrong(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, timeout_seconds=60)


def correct(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options.replace(timeout_seconds=60))


def pinned(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options.replace(resource_version=lab.resource_version))


def zero(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options.replace(resource_version="0"))


def bare(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab)


def one_up(lab: Lab) -> WatchFunction:
    def one_up(options: ListOptions) -> Any:
        above = str(int(options["resource_version"]) + 1)
        return watch(lab, **options.replace(resource_version=above))

    return one_up


def dedup(lab: Lab) -> WatchFunction:
    listed = lab.api.list_namespaced_pod(lab.namespace).items
    seen = {(pod.metadata.uid, pod.metadata.resource_version) for pod in listed}

    def dedup(options: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(watch(lab, timeout_seconds=60)):
            if (key := (event.uid, event.resource_version)) not in seen:
                seen.add(key)
                yield event

    return dedup


def nothing(lab: Lab) -> WatchFunction:
    def nothing(options: ListOptions) -> None:
        watch(lab, **options)

    return nothing


def preloaded(lab: Lab) -> WatchFunction:
    return lambda options: lab.api.list_namespaced_pod(
        lab.namespace, watch=True, **options.replace(timeout_seconds=60)
    )


def camel(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, resourceVersion=options.resource_version)


def listing(lab: Lab) -> WatchFunction:
    return lambda options: lab.api.list_namespaced_pod(lab.namespace, _preload_content=False)


def misspelt(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **optoins)  # type: ignore[name-defined] # noqa: F821


def with_timeout(lab: Lab, seconds: int | None) -> WatchFunction:
    return lambda options: watch(lab, **options.replace(timeout_seconds=seconds))


def no_bookmarks(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, resource_version=options.resource_version)


def everywhere(lab: Lab) -> WatchFunction:
    return lambda options: lab.api.list_pod_for_all_namespaces(
        watch=True, _preload_content=False, **options
    )


def thrown_away(lab: Lab) -> WatchFunction:
    def thrown_away(options: ListOptions) -> Any:
        options.replace(timeout_seconds=60)
        return watch(lab, **options)

    return thrown_away


def printed_copy(lab: Lab) -> WatchFunction:
    def printed_copy(options: ListOptions) -> Any:
        print(options.replace(timeout_seconds=60))
        return watch(lab, **options.replace(timeout_seconds=60))

    return printed_copy


def copied_twice(lab: Lab) -> WatchFunction:
    return lambda options: watch(
        lab, **options.replace(timeout_seconds=9).replace(timeout_seconds=60)
    )
