"""The lab: a recording behind the official client, and what a comparison says."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

import kwlab
from kwlab import recording
from kwlab.errors import KwlabError, LabError, RecordingError, ScenarioError, WatchFunctionError
from kwlab.exercises import EXERCISES
from kwlab.lab import Lab
from kwlab.log import Close
from kwlab.messages import say
from tests import watch_functions as functions

STORY = """\
        delivered   new   replayed   lost
wrong          17    10          7      4   (2 of them deletions)
mine           14    14          0      0

wrong: 17 delivered = 10 new + 7 replayed; 14 changes = 10 new + 4 lost.
mine: 14 delivered = 14 new + 0 replayed; 14 changes = 14 new + 0 lost.
wrong believes in 3 pods: job-09, web-2, web-9.
mine believes in 1 pod: web-9.
The cluster has 1 pod: web-9."""


@pytest.fixture
def lab() -> Lab:
    return kwlab.open_lab()


def test_the_story_is_found_word_for_word(lab: Lab) -> None:
    """On the story recording the finding is the one that the notebooks print."""
    seen = lab.compare(wrong=functions.wrong(lab), mine=functions.correct(lab))
    assert str(seen) == STORY


def test_a_second_run_finds_the_same(lab: Lab) -> None:
    """A comparison leaves nothing behind that changes the next one, picture included."""
    first = lab.compare(wrong=functions.wrong(lab))
    lab.ask(at=32.05)
    assert lab.compare(wrong=functions.wrong(lab))._repr_mimebundle_() == first._repr_mimebundle_()


def test_the_introduction_tells_what_is_recorded(lab: Lab) -> None:
    """A lab shows its recording, its size and its cuts before anything is run."""
    expected = (
        'Recording "pods-cut-twice", from a real kube-apiserver 1.36.\n'
        "3 pods at the start, 14 changes in 46 seconds, 1 pod at the end.\n"
        "There are 2 cuts: at 15 s for an instant, at 31 s for one second."
    )
    assert str(lab) == expected
    assert 'alt="' in lab._repr_mimebundle_()["text/html"]


def test_requests_are_taken_at_the_door(lab: Lab) -> None:
    """What stands under "asked" is what reached the server, not what was handed over."""
    table = lab.compare(wrong=functions.wrong(lab)).requests
    assert [(row[1], row[2], row[3], row[4]) for row in table.rows] == [
        ("0.0 s", "start", "rv@0", "none"),
        ("15.0 s", "cut", "rv@4", "none"),
        ("31.1 s", "cut", "rv@9", "away"),
        ("32.1 s", "away", "rv@9", "none"),
    ]


def test_an_attempt_that_failed_at_once_is_followed_after_a_second(lab: Lab) -> None:
    """The pause of one second counts from the start of an attempt; a longer one needs none."""
    opened = [a.at for a in lab.run(functions.correct(lab)).runs[0].count.attempts]
    assert opened == pytest.approx([0.0, 15.0, 31.05, 32.05])


@pytest.mark.parametrize(
    ("guess", "sentence"),
    [
        (kwlab.Guess(), "You made no guess."),
        (kwlab.Guess(pods=3), "You guessed 3 pods: so it is. You left events open."),
        (
            kwlab.Guess(events="more", pods=1),
            "You guessed more events: so it was. You guessed 1 pod: it believes in 3.",
        ),
        (
            kwlab.Guess(events="same", pods=3),
            "You guessed the same number of events: there were more events, 17 for 14 changes. "
            "You guessed 3 pods: so it is.",
        ),
    ],
)
def test_a_guess_is_told_how_it_went(lab: Lab, guess: kwlab.Guess, sentence: str) -> None:
    """The finding ends with how the guess went."""
    seen = lab.compare(wrong=functions.wrong(lab), guess=guess)
    assert str(seen).splitlines()[-1] == sentence


@pytest.mark.parametrize(
    "bad",
    [
        {"events": "lots"},
        {"pods": -1},
        {"pods": True},
        {"pods": "3"},
        {"asked": "rv@0"},
        {"asked": ["0"]},
    ],
)
def test_a_guess_that_is_none_is_refused(bad: dict[str, object]) -> None:
    """A guess takes three words and whole numbers."""
    with pytest.raises(LabError, match="guess"):
        kwlab.Guess(**bad)  # type: ignore[arg-type]


def test_functions_that_behave_alike_are_called_alike(lab: Lab) -> None:
    """A copy of the wrong function is said to do what the wrong one does."""
    seen = lab.compare(wrong=functions.wrong(lab), mine=functions.wrong(lab))
    assert str(seen).splitlines()[-1] == "mine does what wrong does."


def test_two_questions_at_one_moment_have_two_answers(lab: Lab) -> None:
    """Without a resourceVersion the server shows what is; with one, what happened since."""
    assert [(e.type, e.name) for e in lab.ask(at=32.05).events] == [
        ("ADDED", "web-9"),
        ("MODIFIED", "web-9"),
    ]
    assert [(e.type, e.name) for e in lab.ask(at=32.05, resource_version="rv@9").events] == [
        ("MODIFIED", "job-09"),
        ("DELETED", "job-09"),
        ("MODIFIED", "web-2"),
        ("DELETED", "web-2"),
        ("MODIFIED", "web-9"),
    ]


def test_an_items_resource_version_replays_what_others_told() -> None:
    """The last synthetic ADDED is not the newest: whoever resumes from it is told things again."""
    jobs = kwlab.open_lab("jobs-from-nothing")
    present = jobs.ask(at=40).events[:3]
    assert [(event.type, event.name) for event in present] == [
        ("ADDED", "job-02"),
        ("ADDED", "job-03"),
        ("ADDED", "job-06"),
    ]
    known = {event.resource_version for event in present}
    again = jobs.ask(at=40, resource_version=present[-1].resource_version).events
    assert [event.name for event in again if event.resource_version in known] == [
        "job-03",
        "job-02",
    ]


def test_functions_called_alike_stand_side_by_side(lab: Lab) -> None:
    """Requests of two functions share a row, with the guess beside them."""
    guess = kwlab.Guess(asked=["rv@0", "rv@9", None])
    seen = lab.compare(wrong=functions.wrong(lab), correct=functions.correct(lab), guess=guess)
    assert seen.requests.heads[4:] == ("wrong asked", "correct asked", "your guess")
    assert [row[4:] for row in seen.requests.rows] == [
        ("none", "rv@0", "rv@0: right"),
        ("none", "rv@4", "rv@9: no"),
        ("away", "away", ""),
        ("none", "rv@9", "–"),
    ]
    assert (
        str(seen).splitlines()[-1]
        == "You guessed 1 of 3 requests of correct right. You left 1 open."
    )


def test_functions_called_apart_stand_one_below_the_other(lab: Lab) -> None:
    """Functions that connect at other moments have rows of their own."""

    def hasty(options: kwlab.ListOptions) -> object:
        return functions.watch(lab, **options.replace(timeout_seconds=10))

    rows = lab.compare(correct=functions.correct(lab), hasty=hasty).requests.rows
    assert {row[0] for row in rows} == {"correct", "hasty"}
    assert len(rows) > 8


def test_a_function_may_use_any_lab_that_is_open(lab: Lab) -> None:
    """What is compared is played behind every lab: opening a second one spoils no function."""
    correct = functions.correct(lab)
    jobs = kwlab.open_lab("jobs-from-nothing")
    assert jobs.compare(correct=correct).runs[0].count.delivered == 12
    assert lab.compare(correct=functions.correct(jobs)).runs[0].count.delivered == 14
    assert str(kwlab.exercise("pass-it-on").check(correct)).startswith("Correct.")
    assert len(lab.api.list_namespaced_pod(lab.namespace).items) == 3
    assert jobs.api.list_namespaced_pod(jobs.namespace).items == []


def test_a_future_question_is_met_with_silence(lab: Lab) -> None:
    """Asked from a resourceVersion that never comes, the server sends nothing."""
    expected = "Nothing came, to the end of the recording."
    assert str(lab.ask(at=32.05, resource_version="999999999")) == expected


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("abc", "The server refused the request (500): "),
        ("", "event "),
    ],
)
def test_what_the_server_says_to_a_question_is_shown(lab: Lab, start: str, said: str) -> None:
    """A refusal is shown with its status and its message, and is no silence."""
    answer = lab.ask(at=32.05, resource_version=start)
    assert str(answer).startswith(said)
    assert (answer.refused is None) is bool(answer.events)
    assert said.split(maxsplit=1)[0] in answer._repr_mimebundle_()["text/html"]


def test_a_question_and_a_finding_name_the_resource_versions_that_the_server_quotes(
    lab: Lab,
) -> None:
    """A 410 quotes real ones, and a cluster would quote others: a reader is shown rv@4 and rv@9."""
    assert "resource version: 1 (rv@0)" in str(lab.ask(at=32.05, resource_version="1"))
    gone = [{"fault": "forget", "at": 14}, {"fault": "cut", "at": 15}]
    ended = str(lab.run(lambda _: functions.watch(lab, resource_version="3521"), scenario=gone))
    assert "The server has forgotten resourceVersion rv@4 (" in ended
    quoted = f"Too large resource version: 9999999, current: {lab.resource_version}, and 1.5 s"
    assert "Too large resource version: 9999999, current: rv@0, and 1.5 s" == (
        lab.history.in_names(quoted)
    )


def test_what_existed_at_the_start_has_no_real_resource_version_either(lab: Lab) -> None:
    """It was changed last before the recording began, at other numbers on each cluster."""
    rows = lab.ask(at=0, resource_version="").to_table().rows
    assert {"before rv@0", "rv@0"} == {row[2] for row in rows[:3]}


@pytest.mark.parametrize(
    "question", [{"at": -1}, {"at": 47}, {"at": 1, "resource_version": "rv@99"}]
)
def test_a_question_that_cannot_be_asked_is_refused(lab: Lab, question: dict[str, object]) -> None:
    """A moment or a change that the recording does not have is refused in a sentence."""
    with pytest.raises(LabError):
        lab.ask(**question)  # type: ignore[arg-type]


def test_compare_refuses_what_it_cannot_run(lab: Lab) -> None:
    """No function, four functions, or something that is no function: one sentence each."""
    fine = functions.wrong(lab)
    with pytest.raises(LabError, match="one to 3"):
        lab.compare()
    with pytest.raises(LabError, match="was given 4"):
        lab.compare(a=fine, b=fine, c=fine, d=fine)
    with pytest.raises(LabError, match="wrong is a int"):
        lab.compare(wrong=42)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError):
        lab.compare(wrong=fine, scenario=[{"fault": "flood", "at": 1}])


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (functions.nothing, "end it with `return`"),
        (functions.preloaded, "_preload_content=False"),
        (functions.camel, "spells it resource_version"),
        (functions.listing, "watch=True"),
    ],
)
def test_a_broken_contract_is_one_sentence(lab: Lab, broken: object, says: str) -> None:
    """What people pass by mistake is answered with what to write instead."""
    with pytest.raises(WatchFunctionError, match=says):
        lab.compare(mine=broken(lab))  # type: ignore[operator]


def test_a_learners_own_error_is_theirs(lab: Lab) -> None:
    """A misspelt name reaches the learner as Python says it, and the lab goes on."""
    with pytest.raises(NameError, match="optoins"):
        lab.compare(mine=functions.misspelt(lab))
    assert lab.compare(mine=functions.correct(lab)).runs[0].count.delivered == 14


def reads_json(options: kwlab.ListOptions) -> object:
    def parsed() -> object:
        return json.loads("x")

    return max([0], key=lambda _: parsed())


def fails_in_a_generator(lab: Lab) -> Any:
    def mine(options: kwlab.ListOptions) -> Iterator[object]:
        for event in kwlab.events(functions.watch(lab, **options)):
            yield event
            event.object["metadata"]["nonsense"]

    return mine


def fails_when_it_is_closed(lab: Lab) -> Any:
    def mine(options: kwlab.ListOptions) -> Iterator[object]:
        try:
            yield from kwlab.events(functions.watch(lab, **options))
        finally:
            raise ValueError("closing")

    return mine


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (lambda lab: reads_json, 'return json.loads("x")'),
        (fails_in_a_generator, 'event.object["metadata"]["nonsense"]'),
        (fails_when_it_is_closed, 'raise ValueError("closing")'),
        (functions.misspelt, "watch(lab, **optoins)"),
    ],
)
def test_a_learners_own_error_shows_their_lines_alone(lab: Lab, function: Any, line: str) -> None:
    """A notebook shows their cell and their function, and hides all that stands between."""
    with pytest.raises(Exception) as caught:
        lab.run(function(lab))
    shown = [each for each in caught.traceback if not each.ishidden(caught)]
    assert {__file__, functions.__file__} >= {str(each.path) for each in shown}
    assert line in str(shown[-1].statement)
    judged = kwlab.check_watch_function(lambda lab, options: function(lab)(options))
    assert line in str(judged)


def loops(lab: Lab) -> object:
    def mine(options: kwlab.ListOptions) -> None:
        from kubernetes.watch import Watch

        while True:
            for _ in Watch().stream(lab.api.list_namespaced_pod, lab.namespace, timeout_seconds=60):
                pass

    return mine


def loops_on_the_response(lab: Lab) -> object:
    def mine(options: kwlab.ListOptions) -> None:
        for _ in functions.watch(lab, **options):
            pass

    return mine


def takes_nothing(lab: Lab) -> object:
    return lambda: functions.watch(lab)


def takes_two(lab: Lab) -> object:
    return lambda options, more: functions.watch(lab)


def packs(lab: Lab) -> object:
    return lambda options: lab.api.list_namespaced_pod(
        lab.namespace, options, watch=True, _preload_content=False
    )


def changes_the_note(lab: Lab) -> object:
    def mine(options: kwlab.ListOptions) -> object:
        options.timeout_seconds = 60
        return functions.watch(lab, **options)

    return mine


def quotes_the_timeout(lab: Lab) -> object:
    return lambda options: functions.watch(lab, **options.replace(timeout_seconds="60"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (loops, "never came back: it reads the watch itself"),
        (loops_on_the_response, "never came back: it reads the watch itself"),
        (takes_nothing, "must take one argument"),
        (takes_two, "must take one argument"),
        (packs, r"write `\*\*options`"),
        (changes_the_note, r"options = options.replace\(timeout_seconds=60\)"),
        (quotes_the_timeout, "timeout_seconds is '60': it takes a whole number"),
    ],
)
def test_what_learners_tried_is_answered_with_what_to_write(
    lab: Lab, broken: object, says: str
) -> None:
    """Mistakes that a learner made at first sight are answered in one sentence."""
    with pytest.raises(KwlabError, match=says):
        lab.compare(mine=broken(lab))  # type: ignore[operator]


def test_a_guess_and_functions_go_in_by_name(lab: Lab) -> None:
    """A guess that is a word, and functions without names, are refused in a sentence."""
    with pytest.raises(LabError, match=r"guess is 'more': write guess=kwlab\.Guess"):
        lab.compare(wrong=functions.wrong(lab), guess="more")  # type: ignore[arg-type]
    with pytest.raises(LabError, match="Give each function by its name"):
        lab.compare(functions.wrong(lab))


def test_kwlabs_own_errors_show_one_line_in_a_notebook() -> None:
    """In a notebook an error of kwlab's is its sentence, without frames."""
    assert LabError("Do this.")._render_traceback_() == ["LabError: Do this."]


def test_an_unknown_recording_is_refused() -> None:
    """A name that is not shipped, and a file that is not there, are told apart."""
    for name in ("pods-cut-thrice", "x" * 300):
        with pytest.raises(LabError, match="kwlab ships jobs-from-nothing, pods-500"):
            kwlab.open_lab(name)
    with pytest.raises(RecordingError, match="no such file"):
        kwlab.open_lab("mine.jsonl")


def test_every_way_to_end_has_its_word() -> None:
    """Whatever ended a connection, tables and strips have a word for it."""
    for close in Close:
        assert say(f"close.{close}") != ""
        assert say(f"strip.close.{close}") != ""


def test_a_lab_stands_at_its_start_after_an_error_too(lab: Lab) -> None:
    """What a learner read between runs does not move where the next run or list begins."""
    functions.watch(lab, timeout_seconds=10).read()
    with pytest.raises(NameError):
        lab.compare(mine=functions.misspelt(lab))
    listed = lab.api.list_namespaced_pod(lab.namespace)
    assert listed.metadata.resource_version == lab.resource_version


def test_every_shipped_recording_opens(lab: Lab) -> None:
    """Each shipped recording runs both functions, and loses nothing with the correct one."""
    for name in recording.shipped():
        opened = kwlab.open_lab(name)
        count = opened.compare(correct=functions.correct(opened)).runs[0].count
        assert (count.delivered, count.lost) == (len(opened.history.changes), ())


@pytest.mark.parametrize(("name", "timeout_seconds"), [("pods-churn", 15), ("pods-rollout", 30)])
def test_without_an_absence_nothing_is_lost(name: str, timeout_seconds: int) -> None:
    """With clean timeouts RetryWatcher is back at once: the wrong function only replays."""
    lab = kwlab.open_lab(name)

    def wrong(_: kwlab.ListOptions) -> object:
        return functions.watch(lab, timeout_seconds=timeout_seconds)

    count = lab.run(wrong).runs[0].count
    assert (count.lost, count.new) == ((), len(lab.history.changes))
    assert count.replayed > len(lab.history.objects)


def test_a_watch_that_ends_says_where_and_why(lab: Lab) -> None:
    """A run that ended before the recording says when, and with which error."""
    scenario = [
        {"fault": "refuse", "at": 15, "code": 403, "seconds": 30},
        {"fault": "cut", "at": 15},
    ]
    seen = lab.compare(mine=functions.correct(lab), scenario=scenario)
    assert "mine ended at 15.0 s: The server refuses this client (HTTP 403 " in str(seen)
    assert type(seen["mine"].ended).__name__ == "Denied"
    with pytest.raises(LabError, match="it has mine"):
        seen["yours"]


def test_markdown_goes_into_a_pull_request(lab: Lab) -> None:
    """The finding as Markdown is a table and sentences."""
    text = lab.compare(wrong=functions.wrong(lab)).to_markdown()
    assert "| wrong | 17 | 10 | 7 | 4 | (2 of them deletions) |" in text


def public_methods() -> Iterator[tuple[str, Callable[..., object]]]:
    """Give every public method that a notebook can call, of objects as a notebook has them."""
    lab = kwlab.open_lab()
    seen = lab.run(functions.wrong(lab))
    cost = kwlab.CostExplorer(wrong=functions.wrong(lab))
    exercises = [kwlab.exercise(name) for name in EXERCISES]  # type: ignore[call-overload]
    for owner in (lab, seen, seen.strip, cost, *exercises):
        for name, method in inspect.getmembers(owner, inspect.ismethod):
            if not name.startswith("_") and name != "playing":
                yield f"{type(owner).__name__}.{name}", method
    yield "open_lab", kwlab.open_lab
    yield "exercise", kwlab.exercise
    yield "CostExplorer", kwlab.CostExplorer


WRONG: Final = (None, 9, float("nan"), "abc", [], object())


def calls(method: Callable[..., object]) -> Iterator[tuple[tuple[object, ...], dict[str, object]]]:
    yield (), {}
    yield (object(),) * 4, {}
    yield (), {"foo": 1}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is not parameter.VAR_POSITIONAL:
            yield from (((), {name: value}) for value in WRONG)
    yield from (((value,), {}) for value in WRONG)


def test_no_wrong_call_ends_inside_kwlab() -> None:
    """Whatever is passed to whichever public method is taken, or refused in one sentence."""
    broken = set()
    for where, method in public_methods():
        for given, named in calls(method):
            try:
                method(*given, **named)
            except KwlabError as error:
                assert "\n" not in str(error), error
            except Exception as error:
                broken.add(f"{where}{given}{named}: {type(error).__name__}: {error}")
    assert set() == broken
