"""What somebody else wrote is called, and can neither hang the caller nor print between lines."""

from __future__ import annotations

import contextlib
import threading

import pytest

from kwlab.judging.bounded import AGAIN_SECONDS, TimeUp, limited, printed


def forever() -> None:
    while True:
        pass


def test_a_loop_without_an_end_is_ended() -> None:
    """Nothing is asked of the loop: it need not call anything."""
    with pytest.raises(TimeUp):
        limited(0.05, forever)


def test_an_exception_handler_does_not_save_it() -> None:
    """TimeUp is no Exception, so that a retry loop around everything ends too."""

    def stubborn() -> None:
        while True:
            try:
                forever()
            except Exception:
                continue

    with pytest.raises(TimeUp):
        limited(0.05, stubborn)


def test_a_loop_ends_in_any_thread() -> None:
    """Checks run in a notebook's main thread, and in the thread of a test runner."""
    ended = []

    def run() -> None:
        try:
            limited(0.05, forever)
        except TimeUp:
            ended.append(threading.current_thread().name)

    thread = threading.Thread(target=run, name="other")
    thread.start()
    thread.join(10)
    assert ["other"] == ended


def test_what_is_quick_is_left_alone() -> None:
    """A block that ends in time is not interrupted, and nothing of the limit is left."""
    before = threading.active_count()
    for _ in range(50):
        limited(60.0, lambda: sum(range(100)))
    for thread in threading.enumerate():
        if thread.name == "kwlab-limit":
            thread.join(10)
    assert before >= threading.active_count()


def test_a_block_that_ends_at_the_limit_leaves_nothing_behind() -> None:
    """However close the end of the block is to the limit, no exception comes after it."""
    for _ in range(300):
        with contextlib.suppress(TimeUp):
            limited(0.001, lambda: sum(range(30_000)))
        sum(range(1_000))
    # Longer than the pause after which a forgotten watch would raise again.
    threading.Event().wait(2 * AGAIN_SECONDS)


def test_prints_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is given line by line, and standard output is as it was afterwards."""
    with printed() as kept:
        print("one\ntwo")
    print("three")
    assert ("one", "two") == kept.lines()
    assert "three\n" == capsys.readouterr().out
