"""Exercises: each known-wrong answer gets the sentence that is meant for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kwlab
from kwlab.errors import LabError
from kwlab.exercises import EXERCISES, Verdict
from kwlab.exercises.base import Exercise
from kwlab.judging import judge as judging
from kwlab.judging.misconceptions import MISCONCEPTIONS
from kwlab.lab import Lab
from kwlab.wire import ListOptions, WatchEvent
from tests import map_functions as maps
from tests import watch_functions as functions


@pytest.fixture
def lab() -> Lab:
    return kwlab.open_lab()


def test_the_strip_is_not_read_before_numbers_are_given() -> None:
    """None in any place means not attempted."""
    judged = kwlab.exercise("read-the-strip").check(replayed_after_second_cut=1)
    expected = (
        "Not attempted yet: put a number in place of each None. "
        'kwlab.exercise("read-the-strip").hint() helps.'
    )
    assert (judged.verdict, str(judged)) == (Verdict.NOT_ATTEMPTED, expected)


def test_the_strip_is_read() -> None:
    """One, four and two are what the strip shows."""
    judged = kwlab.exercise("read-the-strip").check(
        replayed_after_second_cut=1, lost_while_away=4, ghosts=2
    )
    assert judged.verdict is Verdict.CORRECT
    assert "came again (web-9)" in str(judged)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((7, 4, 2), "7 is all that was replayed; look at the one column after the second cut."),
        ((3, 4, 2), "3 came again after the first cut; look at the column after the second one."),
        ((9, 4, 2), "9 is not what came again"),
        ((1, 2, 2), "2 are only the deletions; each was preceded by a change that is lost too."),
        ((1, 9, 2), "9 is not what was lost"),
        ((1, 4, 3), "3 is all that it believes in; web-9 is real."),
        ((1, 4, 4), "4 changes were lost, but a ghost is a pod"),
        ((1, 4, 9), "9 is not the number of ghosts"),
        (("1", 4, 2), "replayed_after_second_cut is '1': write a whole number, without quotes."),
        ((1, ["web-2"], 2), "lost_while_away is ['web-2']: write a whole number"),
        ((1, 4, True), "ghosts is True: write a whole number"),
    ],
)
def test_a_misread_strip_gets_its_own_sentence(answers: tuple[Any, ...], says: str) -> None:
    """A wrong number is answered with the misreading behind it, and with nothing else."""
    names = ("replayed_after_second_cut", "lost_while_away", "ghosts")
    judged = kwlab.exercise("read-the-strip").check(**dict(zip(names, answers, strict=True)))
    assert judged.verdict is Verdict.NOT_YET
    assert str(judged).startswith(f"Not yet: {says}")


def test_the_stub_is_not_an_attempt(lab: Lab) -> None:
    """A function that still does what the wrong one does is not attempted."""
    judged = kwlab.exercise("pass-it-on").check(functions.wrong(lab))
    assert judged.verdict is Verdict.NOT_ATTEMPTED
    assert str(judged).endswith("still does what wrong does.")


def test_the_solution_is_correct(lab: Lab) -> None:
    """The solution passes on both recordings, over all their reconnects."""
    judged = kwlab.exercise("pass-it-on").check(functions.correct(lab))
    expected = (
        "Correct. 2 recordings, 18 reconnects: every request carried what it was handed; "
        "nothing twice; no deletion lost."
    )
    assert (judged.verdict, str(judged)) == (Verdict.CORRECT, expected)


@pytest.mark.parametrize(
    ("known_wrong", "says"),
    [
        (functions.pinned, "you ask for the list's resourceVersion each time: 27 events, 13 of"),
        (functions.zero, "a resourceVersion of 0 means “any state you have”"),
        (functions.dedup, "nothing came twice, but 4 changes are still lost, 2 of them deletions"),
        (functions.bare, "connection 1 was handed rv@0 and asked for none"),
        (
            functions.one_up,
            "connection 1 was handed rv@0 and asked for a resourceVersion that nobody gave it",
        ),
        (functions.nothing, "The watch function returned nothing: end it with `return`"),
        (functions.preloaded, "The client was still reading the watch to its end"),
        (functions.camel, "There is no resourceVersion: the Python client spells it"),
        (functions.misspelt, "<lambda> raised NameError: name 'optoins' is not defined"),
    ],
)
def test_a_known_wrong_function_gets_its_own_sentence(
    lab: Lab, known_wrong: Callable[[Lab], Any], says: str
) -> None:
    """Each popular mistake is named, and no other is."""
    judged = kwlab.exercise("pass-it-on").check(known_wrong(lab))
    assert judged.verdict is Verdict.NOT_YET
    assert str(judged).startswith(f"Not yet: {says}")


def test_a_broken_property_is_shown(lab: Lab) -> None:
    """A verdict about behaviour carries the strip that shows it."""
    judged = kwlab.exercise("pass-it-on").check(functions.zero(lab))
    assert "<img" in judged._repr_mimebundle_()["text/html"]


def test_the_lab_is_as_it_was_after_a_check(lab: Lab) -> None:
    """Exercises play other recordings in the learner's lab, and put its own back."""
    before = str(lab)
    kwlab.exercise("pass-it-on").check(functions.misspelt(lab))
    assert str(lab) == before


@pytest.mark.parametrize("name", list(EXERCISES))
def test_hints_are_a_ladder(lab: Lab, name: str) -> None:
    """Hints come one after the other, the last one stays, and no template is left open."""
    Exercise._given.clear()
    ex = kwlab.exercise(name)
    # A cell that asks for the exercise anew each time goes on with the ladder.
    given = [str(kwlab.exercise(name).hint()) for _ in range(3)] + [str(ex.hint())]
    assert [text[:10] for text in given] == ["Hint 1 of ", "Hint 2 of ", "Hint 3 of ", "Hint 3 of "]
    assert "{" not in "".join(given) + str(ex.solution())


def test_an_unknown_exercise_is_refused() -> None:
    """A name that no exercise has is answered with the names that there are."""
    known = "There are read-the-strip, pass-it-on, four-starts, write-it."
    with pytest.raises(LabError, match=known):
        kwlab.exercise("read-the-tape")


def test_four_starts_are_computed_by_asking(lab: Lab) -> None:
    """What the exercise expects is what the server sends at that moment, and 2, 2, 14 and 0."""
    versions = {"unset": None, "zero": "0", "list_rv": "rv@0", "future": "999999999"}
    asked = {
        start: len(lab.ask(at=32.05, resource_version=version).events)
        for start, version in versions.items()
    }
    assert {"unset": 2, "zero": 2, "list_rv": 14, "future": 0} == asked
    judged = kwlab.exercise("four-starts").check(**asked)
    assert judged.verdict is Verdict.CORRECT
    assert str(judged).startswith("Correct. Unset and “0” show what exists (1) and what is new (1)")


def test_four_starts_are_not_attempted_before_all_are_given() -> None:
    """0 is an answer, None is not."""
    judged = kwlab.exercise("four-starts").check(unset=2, zero=2, future=0)
    assert judged.verdict is Verdict.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("start", "answer", "misconception", "says"),
    [
        ("unset", 1, "only_new", "popular pages say. Ask and see"),
        ("unset", 14, "log", "the server does not look into the log"),
        ("unset", 0, "nothing", "is not silent"),
        ("unset", 5, "other", "lab.ask(at=32.05)"),
        ("zero", 14, "log", "0 is not its beginning"),
        ("zero", 1, "only_new", "that state is sent first"),
        ("zero", 0, "nothing", "0 is not refused and not silent"),
        ("zero", 5, "other", 'resource_version="0"'),
        ("list_rv", 2, "present", "deletions among it"),
        ("list_rv", 1, "only_new", "all that came after it is sent"),
        ("list_rv", 13, "until_now", "13 are the changes up to 32.05 s"),
        ("list_rv", 5, "other", 'resource_version="rv@0"'),
        ("future", 1, "only_new", "until it is, there is silence"),
        ("future", 14, "log", "14 is all that was before it"),
        ("future", 2, "present", "from one in the future there is silence"),
        ("future", "error", "other", "not error, and no error either: silence, until the timeout"),
        ("future", False, "other", "not False, and no error either"),
    ],
)
def test_a_misjudged_start_gets_its_own_sentence(
    start: str, answer: Any, misconception: str, says: str
) -> None:
    """A wrong number is answered with the belief behind it, and with nothing else."""
    right: dict[str, Any] = {"unset": 2, "zero": 2, "list_rv": 14, "future": 0}
    judged = kwlab.exercise("four-starts").check(**{**right, start: answer})
    assert judged.verdict is Verdict.NOT_YET
    assert f"{start}.{misconception}" == judged.misconception
    assert str(judged).startswith(f"Not yet: {start}: ")
    assert says in str(judged)


@pytest.mark.parametrize("function", [maps.correct, maps.no_timeout])
def test_what_was_written_is_correct(
    lab: Lab, function: Callable[[Lab], Any], request: pytest.FixtureRequest
) -> None:
    """The right function passes all scripts; without a timeout it is right too, and is told."""
    judged = kwlab.exercise("write-it").check(function(lab))
    assert judged.verdict is Verdict.CORRECT
    assert str(judged).startswith("Correct. 4 fault scripts, ")
    assert ("30 to 60 minutes" in str(judged)) is (function is maps.no_timeout)


def test_the_given_solution_is_correct(lab: Lab) -> None:
    """What solution() shows can be run as it stands."""
    written: dict[str, Any] = {"lab": lab}
    ex = kwlab.exercise("write-it")
    exec(str(ex.solution()), written)
    assert ex.check(written["mine"]).is_correct


def test_nothing_written_is_no_attempt(lab: Lab) -> None:
    """Three dots are no attempt, and are not scolded for returning nothing."""
    judged = kwlab.exercise("write-it").check(maps.ellipsis(lab))
    assert judged.verdict is Verdict.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("known_wrong", "misconception", "one", "says"),
    [
        (maps.unselected, "selector", None, "lost the selector"),
        (maps.dropped, "dropped", "P1", "was handed rv@0 and asked for none"),
        (maps.pinned, "pinned", "P1", "you ask for the list's resourceVersion each time"),
        (maps.zero, "zero", "P1", "a resourceVersion of 0 means “any state you have”"),
        (maps.dedup, "hidden", "P3", "nothing came twice, but 4 changes are still lost"),
        (maps.one_up, "made_up", "P1", "that nobody gave it: it is opaque"),
        (maps.one_namespace, "namespaced", None, "connection 1 watched one namespace"),
        (maps.pods, "elsewhere", None, "watched /api/v1/pods; this is about /api/v1/configmaps"),
        (maps.unreturned, "contract", None, "The watch function returned nothing"),
        (maps.no_bookmarks, "no_bookmarks", "P5", "did not ask for bookmarks"),
        (maps.keeps_back, "kept_back", "P5", "came a bookmark, and keeps_back kept it back"),
        (maps.hot, "contract", None, "The watch function never came back"),
        (maps.own_loop, "own_loop", "P2", "watches in one call"),
    ],
)
def test_a_known_wrong_text_gets_its_own_sentence(
    lab: Lab, known_wrong: Callable[[Lab], Any], misconception: str, one: str | None, says: str
) -> None:
    """Each mistake is named, with the one property that it is about."""
    judged = kwlab.exercise("write-it").check(known_wrong(lab))
    assert (Verdict.NOT_YET, misconception) == (judged.verdict, judged.misconception), judged
    assert one == (judged.broken.property.value if judged.broken else None)
    assert says in str(judged)


def test_every_misconception_has_an_answer_that_shows_it() -> None:
    """No reason is listed that no known-wrong answer gets."""
    shown = {
        *("selector", "dropped", "pinned", "zero", "hidden", "made_up", "namespaced"),
        *("elsewhere", "nowhere", "no_bookmarks", "kept_back", "own_loop"),
        # Below, in test_check, and of functions that the exercises' stubs do not lead to.
        *("silent", "other", "ended", "twice", "lossy", "changed"),
    }
    assert shown == {one.name for one in MISCONCEPTIONS}


def _filtered(lab: Lab, keep: Callable[[WatchEvent], int]) -> Any:
    def function(options: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(maps.watch(lab, **options)):
            yield from [event] * keep(event)

    return function


def _last_but_one(lab: Lab) -> Any:
    handed: list[str] = []

    def function(options: ListOptions) -> Any:
        if options["resource_version"] == lab.resource_version:
            handed.clear()
        handed.append(options["resource_version"])
        return maps.watch(lab, **options.replace(resource_version=handed[-2:][0]))

    return function


def _empty(lab: Lab) -> Any:
    return lambda options: iter(())


def _refused(lab: Lab) -> Any:
    return lambda options: maps.watch(lab, **options, resource_version_match="Exact")


@pytest.mark.parametrize(
    ("function", "misconception", "one"),
    [
        (_last_but_one, "other", "P1"),
        (lambda lab: _filtered(lab, lambda event: 2 - (event.type == "BOOKMARK")), "twice", "P2"),
        (lambda lab: _filtered(lab, lambda event: event.type != "DELETED"), "lossy", "P3"),
        (lambda lab: _filtered(lab, lambda event: event.type != "MODIFIED"), "lossy", None),
        (_refused, "ended", None),
        (_empty, "silent", None),
    ],
)
def test_what_is_wrong_in_a_rarer_way_is_found(
    lab: Lab, function: Callable[[Lab], Any], misconception: str, one: str | None
) -> None:
    """What no popular mistake explains fails all the same, by what it breaks."""
    judged = kwlab.exercise("write-it").check(function(lab))
    assert (Verdict.NOT_YET, misconception) == (judged.verdict, judged.misconception), judged
    assert one == (judged.broken.property.value if judged.broken else None)


def test_a_function_without_an_end_is_stopped(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that asks nobody ends after a while, with a sentence, and the lab is as it was."""
    monkeypatch.setattr(judging, "LIMIT_SECONDS", 0.2)
    before = str(lab)
    judged = kwlab.exercise("write-it").check(maps.endless(lab))
    assert (Verdict.NOT_YET, "endless") == (judged.verdict, judged.misconception)
    assert "endless ran for 0.2 s without an end and was stopped" in str(judged)
    assert before == str(lab)


def test_an_interrupt_is_the_learners_own(lab: Lab) -> None:
    """Whoever presses stop wants the check to stop, not a verdict."""

    def interrupted(options: ListOptions) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kwlab.exercise("write-it").check(interrupted)


@pytest.mark.parametrize("leave", [SystemExit, RecursionError, MemoryError])
def test_what_a_function_raises_is_a_verdict(lab: Lab, leave: type[BaseException]) -> None:
    """exit() in a cell does not end the kernel from inside a check."""

    def leaving(options: ListOptions) -> Any:
        raise leave("enough")

    judged = kwlab.exercise("write-it").check(leaving)
    assert (Verdict.NOT_YET, "raised") == (judged.verdict, judged.misconception)
    assert f"leaving raised {leave.__name__}: enough" in str(judged)


def test_what_a_function_prints_stands_below_the_verdict(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints of a dozen calls do not bury the sentence: the first ten lines come after it."""

    def printing(options: ListOptions) -> Any:
        print("once", "more", sep="\n" * 12)
        return maps.watch(lab)

    judged = kwlab.exercise("write-it").check(printing)
    lines = str(judged).splitlines()
    assert lines[0].startswith("Not yet: ")
    assert ("It printed ", "    once") == (lines[1][:11], lines[2])
    assert 13 == len(lines)
    assert lines[-1].startswith("    … and ")
    assert "" == capsys.readouterr().out
    assert "once" in judged._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("passed", "says"),
    [
        (None, "That is None and no function: pass the function itself"),
        ("mine", "That is a str and no function"),
        (lambda: None, "The watch function must take one argument"),
        (lambda options, more: None, "The watch function must take one argument"),
    ],
)
def test_what_cannot_be_called_is_not_played(lab: Lab, passed: Any, says: str) -> None:
    """What is no watch function is answered with what to pass instead."""
    judged = kwlab.exercise("pass-it-on").check(passed)
    assert (judged.verdict, says in str(judged)) == (Verdict.NOT_YET, True)


def test_a_namespace_with_nothing_in_it_is_named(lab: Lab) -> None:
    """Whoever watches another namespace is told which one the pods are in."""

    def mine(options: kwlab.ListOptions) -> object:
        return lab.api.list_namespaced_pod("default", watch=True, _preload_content=False, **options)

    judged = kwlab.exercise("pass-it-on").check(mine)
    assert "/namespaces/default/pods, where nothing is" in str(judged)
    assert lab.namespace in str(judged)


def test_numbers_go_in_by_name() -> None:
    """Numbers without names are refused, and an exercise says how it is asked."""
    ex = kwlab.exercise("read-the-strip")
    with pytest.raises(LabError, match="check\\(replayed_after_second_cut=…, lost_while_away=…"):
        ex.check(1, 4, 2)
    assert repr(ex).startswith("read-the-strip: it has .check")
