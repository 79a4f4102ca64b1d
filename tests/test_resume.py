"""The table of resumption and its step, without a socket or a clock."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwlab import errors
from kwlab.log import Close
from kwlab.watching import resume
from kwlab.watching.resume import (
    DEFAULT,
    STRICT,
    TABLE,
    Action,
    Backoff,
    Cause,
    Do,
    Kind,
    Phase,
    RetryOptions,
    State,
    close_of,
    step,
)
from kwlab.wire import EventType, Status, WatchEvent, error_event, event_line

OPEN = State("5", Phase.OPEN, asked="5")
ASKING = State.at("5")


def event(version: str, kind: EventType = EventType.ADDED) -> WatchEvent:
    body = b'{"metadata":{"name":"a","resourceVersion":"%s"}}' % version.encode()
    return WatchEvent(event_line(kind, body).strip())


def attempts(
    cause: Cause, options: RetryOptions = DEFAULT, *, phase: Phase = Phase.OPEN
) -> list[Action]:
    """What follows when each of 30 attempts at one resourceVersion ends in one way."""
    state, actions = ASKING, []
    for _ in range(30):
        if phase is Phase.OPEN:
            state, _ = step(state, Cause(Kind.OPENED), options)
        state, action = step(state, cause, options)
        actions.append(action)
        if action.do is not Do.RECONNECT:
            break
        state, _ = step(state, Cause(Kind.DUE), options)
    return actions


@pytest.mark.parametrize("kind", [EventType.ADDED, EventType.MODIFIED, EventType.DELETED])
def test_an_event_is_delivered_and_moves_the_resource_version(kind: EventType) -> None:
    """An event is delivered, and its resourceVersion is where to resume from."""
    state, action = step(OPEN, event("6", kind))

    assert (Do.DELIVER, "6", Phase.OPEN) == (action.do, state.resource_version, state.phase)
    assert "5" == state.asked
    assert state.has_progressed


def test_a_bookmark_is_skipped_and_moves_the_resource_version() -> None:
    """A bookmark is not delivered, and its resourceVersion is where to resume from."""
    state, action = step(OPEN, event("50", EventType.BOOKMARK))

    assert (Do.SKIP, "50") == (action.do, state.resource_version)


def test_resource_versions_are_opaque() -> None:
    """A resourceVersion that seems to go back is where to resume from like any other."""
    state, action = step(State("100", Phase.OPEN, asked="5"), event("abc"))

    assert (Do.DELIVER, "abc") == (action.do, state.resource_version)


@pytest.mark.parametrize("options", [DEFAULT, STRICT])
@pytest.mark.parametrize(
    ("state", "happening", "ending"),
    [
        (OPEN, event(""), errors.ProtocolError),
        (OPEN, event("", EventType.BOOKMARK), errors.ProtocolError),
        (OPEN, error_event(Status(410, "Expired")), errors.Expired),
        (OPEN, error_event(Status(410, "Gone")), errors.Expired),
        (ASKING, Cause(Kind.STATUS_DENIED, code=401), errors.Denied),
        (ASKING, Cause(Kind.STATUS_DENIED, code=403), errors.Denied),
    ],
)
def test_some_causes_end_always(
    state: State,
    happening: WatchEvent | Cause,
    ending: type[errors.WatchEnded],
    options: RetryOptions,
) -> None:
    """An object without resourceVersion, 410 in the stream, and 401 or 403 as a status end."""
    ended, action = step(state, happening, options)

    assert (Do.END, ending, Phase.ENDED) == (action.do, action.ending, ended.phase)
    assert "5" == ended.resource_version


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 504, 666])
def test_other_errors_in_the_stream_are_retried(code: int) -> None:
    """An ERROR event other than 410 is retried from the last resourceVersion."""
    state, action = step(OPEN, error_event(Status(code, "R")))

    assert (Do.RECONNECT, "5", 1.0) == (action.do, state.resource_version, action.pace_seconds)
    assert action.cause is not None
    assert (code, f"an ERROR event: {code} R") == (action.cause.code, action.cause.detail)


def test_an_error_event_without_a_status_is_retried() -> None:
    """An ERROR event whose object is no Status is retried."""
    assert Do.RECONNECT is step(OPEN, event("6", EventType.ERROR))[1].do


@pytest.mark.parametrize(
    ("kind", "do", "ending", "option"),
    [
        (Kind.STATUS_EXPIRED, Do.END, errors.Expired, "is_expired_status_final"),
        (Kind.STATUS_NOT_FOUND, Do.END, errors.NotFound, "is_not_found_final"),
        (Kind.NOTHING, Do.RAISE, None, "is_function_error_final"),
        (Kind.RAISED, Do.RAISE, None, "is_function_error_final"),
    ],
)
def test_a_named_option_turns_a_difference_off(
    kind: Kind, do: Do, ending: type[errors.WatchEnded] | None, option: str
) -> None:
    """By default these causes end; with their option off they are retried as in client-go."""
    state, action = step(ASKING, Cause(kind))
    _, literal = step(ASKING, Cause(kind), dataclasses.replace(DEFAULT, **{option: False}))

    assert (do, ending, Phase.ENDED) == (action.do, action.ending, state.phase)
    assert Do.RECONNECT is literal.do
    assert Do.RECONNECT is step(ASKING, Cause(kind), STRICT)[1].do


@pytest.mark.parametrize(
    ("cause", "phase", "ending"),
    [
        (Cause(Kind.STATUS, code=500), Phase.ASKING, errors.NoProgress),
        (Cause(Kind.ERROR), Phase.OPEN, errors.NoProgress),
        (Cause(Kind.UNREADABLE), Phase.OPEN, errors.ProtocolError),
        (Cause(Kind.SILENT, lived_seconds=150.0), Phase.OPEN, errors.Stalled),
        (Cause(Kind.CUT, lived_seconds=0.2), Phase.OPEN, errors.NoProgress),
        (Cause(Kind.CLEAN_END, lived_seconds=0.2), Phase.OPEN, errors.NoProgress),
    ],
)
def test_a_failure_that_repeats_is_given_up(
    cause: Cause, phase: Phase, ending: type[errors.WatchEnded]
) -> None:
    """The same failure without progress ends at the limit by default, and never when strict."""
    actions = attempts(cause, phase=phase)

    assert (10, Do.END, ending) == (len(actions), actions[-1].do, actions[-1].ending)
    assert 10 == actions[-1].repeated
    assert {Do.RECONNECT} == {action.do for action in attempts(cause, STRICT, phase=phase)}
    assert {1.0} == {action.pace_seconds for action in attempts(cause, STRICT, phase=phase)}


def test_different_failures_count_together() -> None:
    """Failures that alternate at one resourceVersion are given up like equal ones."""
    state, done = ASKING, []
    for kind in itertools.islice(itertools.cycle([Kind.STATUS, Kind.REFUSED]), 40):
        state, action = step(state, Cause(kind))
        done.append(action)
        if action.do is Do.END:
            break
        state, _ = step(state, Cause(Kind.DUE))

    assert (19, errors.NoProgress) == (len(done), done[-1].ending)


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.SILENT, Kind.STATUS_LATER])
def test_an_absent_server_is_asked_for_ever(kind: Kind) -> None:
    """Who is not there says nothing about the resourceVersion: it is retried, with back-off."""
    actions = attempts(Cause(kind), phase=Phase.ASKING)

    assert 30 == len(actions)
    assert [1.0, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0] == [a.pace_seconds for a in actions[:7]]
    assert [0.0, 1.0, 1.0] == [a.jitter for a in actions[:3]]


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.CLEAN_END])
def test_a_quiet_watch_is_no_failure(kind: Kind) -> None:
    """A watch that lived its second and had nothing to say is followed without back-off."""
    actions = attempts(Cause(kind, lived_seconds=1.0))

    assert {(Do.RECONNECT, 1.0, 0)} == {(a.do, a.pace_seconds, a.repeated) for a in actions}


def test_a_quiet_watch_that_ends_cleanly_resets_the_back_off() -> None:
    """A watch that the server kept open and ended cleanly shows that the failures are over."""
    failed = State("5", Phase.OPEN, failures=7, answered=7, asked="5")

    clean, _ = step(failed, Cause(Kind.CLEAN_END, lived_seconds=1.0))
    cut, _ = step(failed, Cause(Kind.CUT, lived_seconds=1.0))

    assert (0, 0) == (clean.failures, clean.answered)
    assert (7, 7) == (cut.failures, cut.answered)


def test_each_attempt_is_heard_for_itself() -> None:
    """A line in one attempt says nothing about the silence of the next."""
    state, _ = step(OPEN, event("5", EventType.BOOKMARK))
    silent = Cause(Kind.SILENT, lived_seconds=150.0)
    for cause in (silent, Cause(Kind.DUE), Cause(Kind.OPENED), silent):
        state, _ = step(state, cause)

    assert 1 == state.failures


def test_silence_in_which_nothing_was_due_is_no_failure() -> None:
    """Whoever waits for ten seconds only, hears nothing of a quiet server, however often."""
    silent = Cause(Kind.SILENT, lived_seconds=10.0)
    state = ASKING
    for _ in range(30):
        for cause in (Cause(Kind.OPENED), silent, Cause(Kind.DUE)):
            state, action = step(state, cause)
            assert action.do is not Do.END

    assert 0 == state.failures


def test_silence_after_a_line_is_no_failure() -> None:
    """A connection that fell silent after a bookmark was alive: it is no stall."""
    heard, _ = step(OPEN, event("5", EventType.BOOKMARK))
    state, action = step(heard, Cause(Kind.SILENT))

    assert (Do.RECONNECT, 0) == (action.do, state.failures)


def test_progress_resets_the_back_off() -> None:
    """An attempt that moved the resourceVersion makes the next failure the first."""
    failed = State("5", Phase.OPEN, failures=7, answered=7, asked="5")
    moved, _ = step(failed, event("6"))
    state, action = step(moved, Cause(Kind.UNREADABLE))

    assert (0, 0, 1.0) == (state.failures, state.answered, action.pace_seconds)


def test_a_200_resets_nothing() -> None:
    """A server that answers 200 and then fails is still failing."""
    state, _ = step(State("5", failures=7, answered=7, asked="5"), Cause(Kind.OPENED))

    assert (7, 7) == (state.failures, state.answered)


def test_coming_back_to_where_it_began_is_no_progress() -> None:
    """A function that throws the resourceVersion away and is sent old ones makes no progress."""
    state, answers = ASKING, Counter[Do]()
    for _ in range(10):
        state, _ = step(state, Cause(Kind.OPENED))
        for version in ("3", "4", "5"):
            state, _ = step(state, event(version))
        state, action = step(state, Cause(Kind.UNREADABLE))
        answers[action.do] += 1
        if action.do is Do.RECONNECT:
            state, _ = step(state, Cause(Kind.DUE))

    assert {Do.RECONNECT: 9, Do.END: 1} == answers


def test_a_delay_that_the_server_asks_for_is_kept() -> None:
    """A Retry-After is waited from the end of the attempt, beside the pace."""
    _, action = step(ASKING, Cause(Kind.STATUS, code=429, retry_after_seconds=7.0))

    assert (7.0, 1.0) == (action.wait_seconds, action.pace_seconds)


@pytest.mark.parametrize(
    ("phase", "kind"),
    [(Phase.ASKING, Kind.CLEAN_END), (Phase.WAITING, Kind.CUT), (Phase.ENDED, Kind.DUE)],
)
def test_what_cannot_happen_is_refused(phase: Phase, kind: Kind) -> None:
    """A cause that does not stand in the table is refused, not guessed at."""
    with pytest.raises(ValueError, match="cannot happen"):
        step(State("5", phase), Cause(kind))


def test_an_event_before_the_answer_is_refused() -> None:
    """An event cannot come before the answer is open."""
    with pytest.raises(ValueError, match="cannot happen"):
        step(ASKING, event("6"))
    with pytest.raises(ValueError, match="cannot happen"):
        step(ASKING, event("6", EventType.BOOKMARK))


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.BOOKMARK])
def test_an_event_comes_as_itself(kind: Kind) -> None:
    """There is nothing to deliver in a cause that only says that an event came."""
    with pytest.raises(ValueError, match="without the event"):
        step(OPEN, Cause(kind))


@given(failures=st.integers(1, 10_000))
def test_the_back_off_grows_to_its_maximum(failures: int) -> None:
    """The back-off never shrinks from one failure to the next and never passes its maximum."""
    backoff = Backoff()

    assert backoff.seconds(failures) <= backoff.seconds(failures + 1) <= 30.0


CAUSES = st.one_of(
    st.builds(event, st.sampled_from(["", "5", "6", "7"]), st.sampled_from(EventType)),
    st.builds(
        Cause,
        st.sampled_from(Kind),
        retry_after_seconds=st.floats(-1, 100),
        lived_seconds=st.floats(0, 100),
    ),
)


@given(causes=st.lists(CAUSES, max_size=60), options=st.sampled_from([DEFAULT, STRICT]))
def test_step_keeps_its_promises(causes: list[WatchEvent | Cause], options: RetryOptions) -> None:
    """Only an event or a bookmark moves the resourceVersion, and an end is the end."""
    state = ASKING
    for happening in causes:
        try:
            following, action = step(state, happening, options)
        except ValueError:
            continue
        if action.do in {Do.DELIVER, Do.SKIP}:
            assert isinstance(happening, WatchEvent)
            assert happening.resource_version == following.resource_version != ""
        else:
            assert state.resource_version == following.resource_version
        assert (action.do in {Do.END, Do.RAISE, Do.STOP}) == (following.phase is Phase.ENDED)
        assert (action.do is Do.END) == (action.ending is not None)
        assert (action.do is Do.RECONNECT) == (following.phase is Phase.WAITING)
        assert action.wait_seconds >= 0
        assert (following, action) == step(state, happening, options)
        state = following


@given(
    kinds=st.lists(st.sampled_from([Kind.STATUS, Kind.ERROR, Kind.UNREADABLE, Kind.SILENT])),
)
def test_without_progress_the_end_is_near(kinds: list[Kind]) -> None:
    """However failures of a present server are mixed, no more than the limit are made."""
    state, ends = ASKING, 0
    for number, kind in enumerate(kinds, start=1):
        if kind is not Kind.STATUS:
            state, _ = step(state, Cause(Kind.OPENED))
        state, action = step(state, Cause(kind, lived_seconds=150.0))
        ends += action.do is Do.END
        assert (number == 10) == (action.do is Do.END)
        if ends:
            break
        state, _ = step(state, Cause(Kind.DUE))


def test_every_kind_stands_in_the_table() -> None:
    """Each kind of cause can happen somewhere, and each that ends an attempt names its close."""
    assert set(Kind) == {kind for _, kind in TABLE}
    going_on = {Kind.OPENED, Kind.EVENT, Kind.BOOKMARK, Kind.DUE}
    assert set(Kind) - going_on == set(resume._CLOSES)
    assert Close.UNREADABLE is close_of(Kind.UNREADABLE)


def test_every_option_of_the_table_is_one() -> None:
    """The table names options that exist, and strict turns each of them off."""
    named = {row.option for row in TABLE.values() if row.option}

    assert named < {field.name for field in dataclasses.fields(RetryOptions)}
    assert {False} == {getattr(STRICT, name) for name in named}
    assert {True} == {getattr(DEFAULT, name) for name in named}
