"""An option that cannot hold is refused where it is chosen; one sentence says what it takes."""

from __future__ import annotations

import math
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from kwlab import errors
from kwlab.watching import reflectoroptions, retryoptions
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import Backoff, RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import ListOptions

NUMBERS = {
    Backoff: ("initial_seconds", "factor", "max_seconds", "jitter"),
    RetryOptions: (
        *("min_restart_delay_seconds", "max_retry_after_seconds", "idle_seconds"),
        *("deadline_seconds", "no_progress_limit"),
    ),
    ReflectorOptions: ("page_size", "watch_list_deadline_seconds"),
}


@pytest.mark.parametrize("value", [-1, "3", True, math.nan, math.inf, [1]], ids=repr)
@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in NUMBERS.items() for name in names]
)
def test_what_is_no_such_number_is_refused(owner: Any, name: str, value: object) -> None:
    """Negative, in quotes, True, not a number and without end are no seconds and no count."""
    with pytest.raises(errors.OptionError) as refused:
        owner(**{name: value})
    assert str(refused.value).startswith(f"{owner.__name__}({name}={value!r}): {name} takes a")


@pytest.mark.parametrize(
    ("owner", "given", "says"),
    [
        (RetryOptions, {"idle_seconds": 0}, "a number above 0, or None"),
        (RetryOptions, {"idle_seconds": -3}, "a number above 0, or None"),
        (RetryOptions, {"min_restart_delay_seconds": None}, "a number of at least 0."),
        (RetryOptions, {"no_progress_limit": 0}, "a whole number of at least 1, or None"),
        (RetryOptions, {"no_progress_limit": 2.5}, "a whole number of at least 1, or None"),
        (RetryOptions, {"backoff": 2.0}, "Backoff(...), or None"),
        (RetryOptions, {"is_end_raised": "no"}, "True or False"),
        (Backoff, {"factor": 0.5}, "a number of at least 1."),
        (ReflectorOptions, {"page_size": 0.5}, "a whole number of at least 0."),
        (ReflectorOptions, {"watch_list_deadline_seconds": 0}, "a number above 0."),
        (ReflectorOptions, {"use_watch_list": None}, "True or False"),
        (ReflectorOptions, {"retry": None}, "RetryOptions(...)"),
        (ReflectorOptions, {"watch_seconds": 300}, "as in (300, 600)"),
        (ReflectorOptions, {"watch_seconds": (600, 300)}, "as in (300, 600)"),
        (ReflectorOptions, {"watch_seconds": (0, 300)}, "as in (300, 600)"),
        (ReflectorOptions, {"watch_seconds": (1.5, 300)}, "as in (300, 600)"),
        (ReflectorOptions, {"clock": 3}, "now() and sleep(seconds)"),
        (ReflectorOptions, {"random": 0.5}, "a function, without calling it"),
        (ReflectorOptions, {"observer": []}, "a function, without calling it, or None"),
    ],
    ids=str,
)
def test_what_an_option_takes_is_said(owner: Any, given: dict[str, object], says: str) -> None:
    """The sentence names the option, what was given, and what it takes."""
    [(name, value)] = given.items()
    with pytest.raises(errors.OptionError) as refused:
        owner(**given)
    assert f"{owner.__name__}({name}={value!r}): {name} takes " in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize("owner", [Backoff, RetryOptions, ReflectorOptions])
def test_every_option_is_looked_at(owner: Any) -> None:
    """There is no option that takes just anything."""
    for field in fields(owner):
        with pytest.raises(errors.OptionError, match=f"{field.name} takes "):
            owner(**{field.name: SimpleNamespace()})


def test_what_is_at_the_edge_is_taken() -> None:
    """0 means at once or none, None no limit, and whole numbers are numbers too."""
    quick = RetryOptions(
        min_restart_delay_seconds=0, backoff=None, max_retry_after_seconds=0, idle_seconds=1
    )
    never = RetryOptions(idle_seconds=None, deadline_seconds=0, no_progress_limit=None)
    options = ReflectorOptions(page_size=0, watch_seconds=(1, 1), retry=quick)
    assert (0, None, quick) == (options.page_size, never.no_progress_limit, options.retry)
    assert retryoptions.DEFAULT == reflectoroptions.DEFAULT.retry


def test_a_wrong_request_timeout_is_named() -> None:
    """What the client refuses is named as it was written, without its validator's insides."""

    def watch(asked: ListOptions) -> object:
        return client.CoreV1Api().list_namespaced_pod(
            "lab", watch=True, _preload_content=False, _request_timeout=(1, None), **asked
        )

    with (
        RetryWatcher("5", watch) as watcher,
        pytest.raises(errors.WatchFunctionError) as refused,
    ):
        next(watcher)
    assert str(refused.value).startswith("The client refused _request_timeout: ")
    assert "<" not in str(refused.value)
