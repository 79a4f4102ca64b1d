"""Exercises: each known-wrong answer gets the sentence that is meant for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest

import kwlab
from kwlab.errors import LabError
from kwlab.exercises import EXERCISES, Judgement, Verdict
from kwlab.exercises.base import Exercise
from kwlab.exercises.four_starts import FourStarts
from kwlab.exercises.read_the_strip import ReadTheStrip
from kwlab.judging import judge as judging
from kwlab.judging.misconceptions import MISCONCEPTIONS
from kwlab.lab import Lab
from kwlab.metrics import Fate
from kwlab.wire import ListOptions, WatchEvent
from tests import map_functions as maps
from tests import watch_functions as functions
from tests.notebook_files import COMMITTED


@pytest.fixture
def lab() -> Lab:
    return kwlab.open_lab()


RIGHT: dict[str, dict[str, Any]] = {
    "read-the-strip": {"ghosts": ["web-4"], "never_came": 1, "came_again": 3},
    "four-starts": {"unset": 12, "zero": 12, "rv_4": 10, "future": 0},
}


def answered(name: str, **answers: Any) -> Judgement:
    ex = kwlab.exercise(name)
    assert isinstance(ex, ReadTheStrip | FourStarts)
    return ex.check(**answers)


@pytest.mark.parametrize("name", list(RIGHT))
def test_nothing_is_judged_before_an_answer_is_given(name: str) -> None:
    """None in all places is no attempt."""
    judged = answered(name)
    says = f'Not attempted yet: put your answers in place of None. kwlab.exercise("{name}").hint()'
    assert (Verdict.NOT_ATTEMPTED, True) == (judged.verdict, str(judged).startswith(says))


def test_answers_that_were_given_are_judged_and_blanks_named() -> None:
    """What is right, what is wrong and what is open is told apart, one question at a time."""
    assert "So far, so good:\nghosts is right.\nnever_came and came_again are still open." == str(
        answered("read-the-strip", ghosts="web-4")
    )
    judged = answered("four-starts", zero=12, rv_4=14, future=0)
    first, *lines = str(judged).splitlines()
    assert (Verdict.NOT_YET, "rv_4.log", "Not yet:") == (
        judged.verdict,
        judged.misconception,
        first,
    )
    assert lines[0].startswith("rv_4: 14 is the whole log")
    assert ["zero and future are right.", "unset is still open."] == lines[1:]


def test_an_earlier_cut_is_really_run(lab: Lab) -> None:
    """One ghost, one lost change, three replays: that is what the run with that cut gives."""
    cuts = [{"fault": "cut", "at": 15}, {"fault": "cut", "after_change": 7, "away_seconds": 0.9}]
    count = lab.compare(wrong=functions.wrong(lab), scenario=cuts).runs[0].count
    assert RIGHT["read-the-strip"] == {
        "ghosts": [ghost.name for ghost in count.ghosts],
        "never_came": len(count.lost),
        "came_again": sum(one.fate is Fate.REPLAYED for one in count.receipts[-1]),
    }
    judged = answered("read-the-strip", **RIGHT["read-the-strip"])
    assert (Verdict.CORRECT, True) == (judged.verdict, judged.shown is not None)
    assert str(judged).startswith("Correct. Only web-4 is a ghost")


@pytest.mark.parametrize(
    ("question", "answer", "misconception", "says"),
    [
        ("ghosts", ["job-09", "web-2"], "was", "are the ghosts of the run above"),
        ("ghosts", "web-2, web-4, job-09", "added", "are the ghosts of both runs"),
        ("ghosts", [], "none", "ghosts: there is one."),
        ("ghosts", ["web-9"], "real", "still exists at the end"),
        ("ghosts", ["web-1"], "unknown", "not all of ['web-1'] are names of pods"),
        ("ghosts", ["job-09"], "other", "Which pod is deleted between change 7"),
        ("ghosts", 1, "no_names", "1 is no list of names"),
        ("ghosts", [1], "no_names", "[1] is no list of names"),
        ("never_came", 4, "was", "were lost in the run above"),
        ("never_came", 2, "neighbour", "change 9 comes when the program is back"),
        ("never_came", 5, "added", "The cut moves as a whole"),
        ("never_came", 0, "other", "Count the changes"),
        ("never_came", "1", "no_number", "never_came is '1': write a whole number"),
        ("came_again", 1, "was", "Two changes earlier, other pods exist"),
        ("came_again", 4, "gone", "A pod that is deleted during the cut is not sent"),
        ("came_again", 9, "all", "came again in the whole run"),
        ("came_again", 0, "other", "Which pods exist"),
        ("came_again", True, "no_number", "came_again is True: write a whole number"),
    ],
)
def test_a_misread_strip_gets_its_own_sentence(
    question: str, answer: Any, misconception: str, says: str
) -> None:
    """A wrong answer is answered with the misreading behind it; the picture's are all wrong."""
    judged = answered("read-the-strip", **{**RIGHT["read-the-strip"], question: answer})
    assert (Verdict.NOT_YET, f"{question}.{misconception}") == (
        judged.verdict,
        judged.misconception,
    )
    assert says in str(judged)
    assert judged.shown is None


def test_no_solution_stands_in_a_notebook() -> None:
    """Neither prose, code, outputs nor hints have what an exercise asks for."""
    kwlab.open_lab()
    solutions = {"ghosts=['web-4']", "options.replace(timeout_seconds=60)", "at=27"}
    for path in COMMITTED:
        cells = nbformat.read(path, 4).cells
        found = [
            (cell.id, one)
            for number, cell in enumerate(cells)
            for one in solutions
            if one in str(cell) and not (path.name.startswith("02") and number < 3)
        ]
        assert [] == found, path.name


def test_the_stub_is_not_an_attempt(lab: Lab) -> None:
    """A function that still does what the wrong one does is not attempted."""
    judged = kwlab.exercise("pass-it-on").check(functions.wrong(lab))
    assert judged.verdict is Verdict.NOT_ATTEMPTED
    assert str(judged).endswith("still does what wrong does.")


def test_the_solution_is_correct(lab: Lab) -> None:
    """The solution passes on both recordings and a quiet time, over all their reconnects."""
    judged = kwlab.exercise("pass-it-on").check(functions.correct(lab))
    expected = (
        "Correct. 3 histories, 28 reconnects: every request carried what it was handed; "
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
        (functions.thrown_away, "options.replace(timeout_seconds=60) gives a copy, and the copy"),
        (lambda lab: functions.with_timeout(lab, -1), "timeout_seconds=-1 is too short"),
        (lambda lab: functions.with_timeout(lab, 1), "timeout_seconds=1 is too short"),
        (functions.no_bookmarks, "connection 2 did not ask for bookmarks"),
        (functions.everywhere, "connection 1 watched /api/v1/pods; this is about"),
    ],
)
def test_a_known_wrong_function_gets_its_own_sentence(
    lab: Lab, known_wrong: Callable[[Lab], Any], says: str
) -> None:
    """Each popular mistake is named, and no other is."""
    judged = kwlab.exercise("pass-it-on").check(known_wrong(lab))
    assert judged.verdict is Verdict.NOT_YET
    assert str(judged).startswith(f"Not yet: {says}")


@pytest.mark.parametrize("function", [functions.printed_copy, functions.copied_twice])
def test_a_copy_that_is_passed_on_is_not_thrown_away(lab: Lab, function: Any) -> None:
    """One that is only printed accuses nobody, where another has its fields; nor does a chain."""
    assert kwlab.exercise("pass-it-on").check(function(lab))


def test_no_timeout_and_a_timeout_of_zero_are_told_apart(lab: Lab) -> None:
    """Both are correct, and each hears what the server makes of it."""
    zero, unset = (
        str(kwlab.exercise("pass-it-on").check(functions.with_timeout(lab, timeout)))
        for timeout in (0, None)
    )
    assert "lost. timeout_seconds=0 is not a short timeout" in zero
    assert "lost. You leave the timeout to the server" in unset


def test_only_correct_is_true(lab: Lab) -> None:
    """An assertion on a verdict fails where it is not correct, and where nothing was attempted."""
    check = kwlab.exercise("pass-it-on").check
    judged = [check(one(lab)) for one in (functions.correct, functions.zero, functions.wrong)]
    assert [True, False, False] == list(map(bool, judged))
    assert [True, False, False] == [bool(one.verdict) for one in judged]
    assert [False, False] == [bool(check(None)), bool(answered("four-starts", future=0))]


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
    """What the exercise expects is what the server sends at that moment, and 12, 12, 10 and 0."""
    versions = {"unset": None, "zero": "0", "rv_4": "rv@4", "future": "999999999"}
    asked = {
        start: len(lab.ask(at=27, resource_version=version).events)
        for start, version in versions.items()
    }
    assert RIGHT["four-starts"] == asked
    judged = answered("four-starts", **asked)
    assert judged.verdict is Verdict.CORRECT
    assert str(judged).startswith("Correct. Unset and “0” show what exists (4) and what is new (8)")


@pytest.mark.parametrize(
    ("start", "answer", "misconception", "says"),
    [
        ("unset", 8, "only_new", "popular pages say. Ask and see"),
        ("unset", 14, "log", "the server does not look into the log"),
        ("unset", 4, "existing", "the watch stays open"),
        ("unset", 0, "nothing", "is not silent"),
        ("unset", 2, "shown", "2 is what came in a cell above, at 32 s"),
        ("unset", 3, "other", "lab.ask(at=27)"),
        ("unset", "12", "no_number", "unset is '12': write a whole number"),
        ("zero", 14, "log", "0 is not its beginning"),
        ("zero", 8, "only_new", "that state is sent first"),
        ("zero", 4, "existing", "what is new follows"),
        ("zero", 0, "nothing", "0 is not refused and not silent"),
        ("zero", 2, "shown", "At 27 s other pods exist"),
        ("zero", 5, "other", 'resource_version="0"'),
        ("rv_4", 14, "log", "the first four changes are known"),
        ("rv_4", 12, "present", "deletions among it"),
        ("rv_4", 8, "only_new", "all that came after that is sent"),
        ("rv_4", 2, "until_now", "2 are the changes up to 27 s"),
        ("rv_4", 5, "shown", "Another resourceVersion names another moment"),
        ("rv_4", 6, "other", 'resource_version="rv@4"'),
        ("future", 8, "only_new", "until it is, nothing can be told"),
        ("future", 14, "log", "14 is all that was before it"),
        ("future", 12, "present", "asks for what comes after it"),
        ("future", "error", "error", "no error comes"),
        ("future", 5, "other", "not 5. The server waits"),
        ("future", False, "no_number", "future is False: write a whole number"),
    ],
)
def test_a_misjudged_start_gets_its_own_sentence(
    start: str, answer: Any, misconception: str, says: str
) -> None:
    """A wrong number is answered with the belief behind it; those of the notebook are all wrong."""
    judged = answered("four-starts", **{**RIGHT["four-starts"], start: answer})
    assert (Verdict.NOT_YET, f"{start}.{misconception}") == (judged.verdict, judged.misconception)
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
    assert ex.check(written["mine"])


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
        (maps.thrown_away, "thrown_away", None, "label_selector='app=web') gives a copy"),
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
        *("thrown_away", "short_timeout"),
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


@pytest.mark.parametrize("leave", [RecursionError, MemoryError])
def test_what_a_function_raises_is_a_verdict(lab: Lab, leave: type[BaseException]) -> None:
    """What cannot get better on its own is named, and the notebook goes on."""

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


def test_an_exercise_says_how_it_is_asked() -> None:
    """Its name and its three methods are what it shows."""
    assert repr(kwlab.exercise("read-the-strip")).startswith("read-the-strip: it has .check")
