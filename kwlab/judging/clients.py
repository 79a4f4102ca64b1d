"""Judge clients in any language by what a server saw of them.

Each watcher of a :class:`~kwlab.server.serve.Served` gets a verdict: what it was sent against what
happened, the properties that broke, and its strip. A server sees what was asked and sent, and not
what a program made of it:

=== ========================================================================================
P1  what was handed over is what was sent last; :mod:`~kwlab.judging.chains` says how
P2  what was sent twice counts as delivered twice
P3  a deletion is lost that was never sent, and that no later list showed
P4  a list after a 410 is seen; that it is compared with what was believed is supposed
P5  the next request shows whether a bookmark was heeded
P6  cannot be seen: nobody tells the server when a client is told to stop
P7  requests are seen, while the server is away attempts are not; the client's own waiting counts
    in real seconds, and what it waited for the server in those of the recording
=== ========================================================================================

A program that lists again at each reconnect, and compares, loses nothing; whether it compares the
server cannot see, and so the verdict says that and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

from kwlab.comparison import Comparison
from kwlab.exits import Exit
from kwlab.finding import Run
from kwlab.history import History
from kwlab.judging import properties
from kwlab.judging.chains import Chain, chains, counted_against, printable
from kwlab.judging.judge import Verdict
from kwlab.judging.properties import Broken, Property
from kwlab.log import Attempt, Close, Log, Request
from kwlab.messages import say, seconds
from kwlab.metrics import Count, count
from kwlab.scope import Scope
from kwlab.server import faults
from kwlab.watched import told_to

_BUT_PACE: Final = tuple(each for each in Property if each is not Property.WAITS)


class Witness(Protocol):
    """Name what is known of the clients of a server."""

    history: History
    scenario: faults.Scenario
    speed: float

    @property
    def requests(self) -> tuple[Request, ...]:
        """Give what was asked and sent, in the order in which it was asked."""

    @property
    def forgotten(self) -> int:
        """Count the oldest requests that are not among them any more."""

    def now(self) -> float:
        """Give the time of the history, in seconds."""


_NOT_ENDED: Final = (Close.STOPPED, Close.SILENT, Close.OVER)
"""A watch that its client ended, or that went on to the end."""


@dataclass(frozen=True, slots=True)
class ClientVerdict:
    """Hold what one watcher did, and what is to be said of it; true where that is "correct".

    Parameters
    ----------
    client : str
        Its ``User-Agent``; empty when it names itself nothing.
    path : str
        What it watched, with its selectors.
    verdict : Verdict
        ``NOT_ATTEMPTED`` for one that never had to go on.
    text : str
        A sentence, or a line for each property that broke.
    broken : tuple of Broken
        In the order of the properties.
    shown : Comparison
        With one run: the finding, the strip, and what was asked.
    """

    client: str
    path: str
    verdict: Verdict
    text: str
    broken: tuple[Broken, ...]
    shown: Comparison

    @property
    def is_correct(self) -> bool:
        """Tell whether it went on, and nothing broke that a server can see."""
        return bool(self.verdict)

    def __bool__(self) -> bool:
        return self.is_correct

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Give what it asked, in order."""
        return self.shown.runs[0].count.attempts

    @property
    def is_left_off(self) -> bool:
        """Tell whether its last watch was ended for it, and it never came back."""
        return self.attempts[-1].close not in _NOT_ENDED

    def __str__(self) -> str:
        n = len(self.attempts)
        client = named(self.client)
        heading = say("client.heading", client=client, path=printable(self.path), n=n)
        strip = self.shown.strip.to_table()
        return f"{heading}\n\n{self.shown}\n\n{strip}\n\n{self.text}"

    def __repr__(self) -> str:
        # One line, for an assertion that fails: pytest cuts what is longer than 240 characters.
        return f"{named(self.client)}: {' '.join(self.text.split())}"


@dataclass(frozen=True, slots=True)
class ClientVerdicts:
    """Hold the verdicts on all watchers of a server; true where the verdict on all is CORRECT.

    Parameters
    ----------
    each : tuple of ClientVerdict
        By the time of the first watch; empty when nobody watched.
    remarks : tuple of str
        What else is to be said: who was not let in, what was forgotten, that nobody came.
    is_partial : bool
        Whether requests were forgotten, so that nothing can be called correct.
    """

    each: tuple[ClientVerdict, ...]
    remarks: tuple[str, ...] = ()
    is_partial: bool = False

    @property
    def verdict(self) -> Verdict:
        """Give the verdict on all of them.

        It is NOT_YET when anybody's is, CORRECT when somebody went on correctly and nobody was
        left off, and else NOT_ATTEMPTED.
        """
        verdicts = {one.verdict for one in self.each}
        if Verdict.NOT_YET in verdicts:
            return Verdict.NOT_YET
        undecided = [one for one in self.each if one.verdict is Verdict.NOT_ATTEMPTED]
        is_left_off = any(one.is_left_off for one in undecided)
        if Verdict.CORRECT not in verdicts or is_left_off or self.is_partial:
            return Verdict.NOT_ATTEMPTED
        return Verdict.CORRECT

    @property
    def is_correct(self) -> bool:
        """Tell whether everybody went on, and nothing broke that a server can see."""
        return bool(self.verdict)

    def __bool__(self) -> bool:
        return self.is_correct

    @property
    def exit_status(self) -> Exit:
        """Give 0 for correct, 1 for not yet, 2 for what cannot be judged."""
        if self.verdict is Verdict.NOT_ATTEMPTED:
            return Exit.CANNOT_BE_JUDGED
        return Exit.OK if self.is_correct else Exit.FAILED

    def save(self, path: str | Path) -> tuple[Path, ...]:
        """Write the strips: the first to a path, the others beside it.

        Parameters
        ----------
        path : str or Path
            ``.svg`` for the picture, ``.md`` for the finding and its table.

        Returns
        -------
        tuple of Path
            ``strip.svg``, ``strip-2.svg``, …; empty when nobody watched.

        Raises
        ------
        LabError
            When it cannot be written.
        """
        first = Path(path)
        return tuple(
            one.shown.strip.save(
                first if number == 1 else first.with_stem(f"{first.stem}-{number}"),
                finding=f"{one.shown.to_markdown()}\n{one.text}\n",
            )
            for number, one in enumerate(self.each, start=1)
        )

    def __str__(self) -> str:
        return "\n\n".join((*map(str, self.each), *self.remarks))

    def __repr__(self) -> str:
        return " ".join((*map(repr, self.each), *self.remarks))


def judge_clients(served: Witness) -> ClientVerdicts:
    """Judge every client of a server by what it asked and was sent.

    Parameters
    ----------
    served : Witness
        A :class:`~kwlab.server.serve.Served`: inside its ``with`` block, where open watches count
        as open until now, or after it.

    Returns
    -------
    ClientVerdicts
        True in an assertion where all is correct, ``str()`` for what to say else; ``each`` has the
        watchers, apart as far as their requests allow (:mod:`kwlab.judging.chains`).

    See Also
    --------
    kwlab.pytest_plugin : A complete example, with a controller that is a program of its own.
    """
    requests = served.requests
    now = max([served.now(), *(r.closed_at for r in requests if r.closed_at is not None)])
    each = []
    for chain in chains(requests, now=now, speed=served.speed):
        told = told_to(chain.scope, served.history)
        if told is not None and _is_let_in(chain):
            each.append(_judged(chain, told, served, now))
    remarks = tuple(_remarks(requests, each, served))
    return ClientVerdicts(tuple(each), remarks, is_partial=served.forgotten > 0)


def _is_let_in(chain: Chain) -> bool:
    return any(attempt.close is not Close.STATUS for attempt in chain.attempts)


def _judged(chain: Chain, told: History, served: Witness, now: float) -> ClientVerdict:
    log, history = counted_against(chain, told)
    counted = count(log, history)
    shown = Comparison([Run(counted)], history, served.scenario)
    until = _last_reached(served, now)
    lived = _in_real_seconds(log, replace(history, seconds=until), served.speed)
    broken = properties.broken(count(*lived), lived[1], _BUT_PACE)
    paced = _as_at_speed_one(log, served.speed)
    broken += properties.broken(count(paced, history), history, [Property.WAITS])
    verdict, text = _said(counted, broken, history)
    if verdict is Verdict.CORRECT and not (told.objects or told.changes):
        path = printable(str(chain.scope))
        verdict, text = Verdict.NOT_ATTEMPTED, say("client.nothing", path=path)
    return ClientVerdict(chain.client, str(chain.scope), verdict, text, broken, shown)


def _last_reached(served: Witness, now: float) -> float:
    """Give until when anybody was let in: who comes to a closed door to the end is not seen."""
    for fault in sorted(served.scenario, key=lambda fault: -fault.moment(served.history)):
        closed_seconds = 0.0
        if isinstance(fault, faults.Cut):
            closed_seconds = fault.away_seconds
        elif isinstance(fault, faults.Refuse):
            closed_seconds = fault.seconds
        at = fault.moment(served.history)
        if at < now <= at + closed_seconds:
            now = at
    return now


def _in_real_seconds(log: Log, history: History, speed: float) -> tuple[Log, History]:
    """Give the same in the seconds that the client lived through."""

    def real(at: float | None) -> float | None:
        return None if at is None else at / speed

    attempts = [
        replace(
            attempt,
            at=attempt.at / speed,
            closed_at=real(attempt.closed_at),
            requests=[
                replace(request, at=request.at / speed, closed_at=real(request.closed_at))
                for request in attempt.requests
            ],
        )
        for attempt in log.attempts
    ]
    changes = tuple(replace(change, at=change.at / speed) for change in history.changes)
    past = replace(history, changes=changes, seconds=history.seconds / speed)
    return Log(log.watcher, attempts), past


def _as_at_speed_one(log: Log, speed: float) -> Log:
    """Tell when attempts would have begun and ended had the recording not been hurried."""
    attempts: list[Attempt] = []
    at = ended = 0.0
    for attempt in log.attempts:
        at += (attempt.at - ended) / speed
        ended = attempt.at if attempt.closed_at is None else attempt.closed_at
        requests = [
            replace(request, at=at + (request.at - attempt.at) / speed)
            for request in attempt.requests
        ]
        open_seconds = ended - attempt.at
        closed_at = at + (open_seconds / speed if attempt.close is Close.STATUS else open_seconds)
        attempts.append(replace(attempt, at=at, closed_at=closed_at, requests=requests))
        at = closed_at
    return Log(log.watcher, attempts)


def _said(counted: Count, broken: Sequence[Broken], history: History) -> tuple[Verdict, str]:
    if broken:
        lines = (f"{one.property}:\n    {one}" for one in broken)
        return Verdict.NOT_YET, "\n".join((say("exercise.not_yet"), *lines))
    if len(counted.attempts) == 1:
        return Verdict.NOT_ATTEMPTED, _undecided(counted.attempts[0])
    return Verdict.CORRECT, " ".join(_correct(counted, history))


def _undecided(only: Attempt) -> str:
    at = seconds(only.closed_at or 0.0)
    key = "client.never_cut" if only.close in _NOT_ENDED else "client.left_off"
    return say(key, seconds=at, close=say(f"close.{only.close}"))


def _correct(counted: Count, history: History) -> Iterator[str]:
    n = len(counted.attempts) - 1
    before = [one for one, after in pairwise(counted.attempts) if after.is_anew]
    expired = sum(attempt.status == properties.EXPIRED for attempt in before)
    lists = len(before) - expired
    if lists:
        objects = history.resources[0].named(len(history.state(len(history.changes))))
        yield say("client.lists_again", n=n, lists=lists, objects=objects)
    else:
        yield say("client.correct", n=n)
    if expired:
        yield say("client.relisted", n=expired)
    if before:
        yield say("client.compares")
    if counted.superseded:
        yield say("client.superseded", n=len(counted.superseded))


def _remarks(
    requests: Sequence[Request], each: Iterable[ClientVerdict], served: Witness
) -> Iterator[str]:
    if served.forgotten:
        yield say("client.forgotten", n=served.forgotten)
    if not requests:
        yield say("client.nobody")
    judged = {(one.client, one.path) for one in each}
    watching = {client for client, _ in judged}
    refused: dict[tuple[str, str], Request] = {}
    for request in requests:
        scope = printable(request.client), str(Scope.of(request))
        if request.is_watch and scope not in judged:
            refused[scope] = request
    watching |= {client for client, _ in refused}
    for (client, path), request in refused.items():
        facts = {"client": named(client), "path": printable(path)}
        yield say("client.refused", **facts, status=request.status)
    for client in dict.fromkeys(printable(request.client) for request in requests):
        if client not in watching:
            yield say("client.no_watch", client=named(client))


def named(client: str) -> str:
    """Name a client for people.

    Parameters
    ----------
    client : str
        Its ``User-Agent``.

    Returns
    -------
    str
    """
    return printable(client) or say("client.nameless")
