"""One play: the changes of a story made on a cluster, while functions watch through one wire.

Time is the story's own, and it stands still until everybody is ready: each function has read what
it was sent, or has been refused and waits, before the next change is made or the wire is cut. So
what is lost follows from what was asked, and not from who was quick.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

from kwlab.cluster.deadline import Deadline
from kwlab.cluster.driver import Driver
from kwlab.cluster.told import sent_at_first, sent_later
from kwlab.cluster.wiretap import Endpoint, Exchange, LiveWay
from kwlab.errors import RecordingOver, WatchFunctionError
from kwlab.history import Change, History
from kwlab.messages import say
from kwlab.server import faults

PATIENCE_SECONDS: Final = 5.0
"""So long a function may take to read, or to come back; who takes longer is not waited for."""


class Wire(Protocol):
    """Tell what a play does to the wire between functions and cluster."""

    def cut(self, *, is_reset: bool = False) -> None:
        """Break every open connection."""

    def leave(self) -> None:
        """Refuse whoever connects."""

    def come_back(self) -> None:
        """Let connections be made again."""

    def close(self) -> None:
        """End it."""


class Actor:
    """Do something in a thread of its own, on the story's clock, over a way of its own.

    It is the clock too: it tells the time, and lets it pass.

    Parameters
    ----------
    play : Play
    name : str
    body : callable
        Takes the actor, and gives a result.

    Attributes
    ----------
    way : LiveWay
    result : object
        What the body gave.
    error : BaseException or None
        What it raised.
    """

    def __init__(self, play: Play, name: str, body: Callable[[Actor], object]) -> None:
        self._play, self.name, self._body = play, name, body
        self.way = play.way(self)
        self.result: object = None
        self.error: BaseException | None = None
        self.due: float | None = None
        self.is_done = False
        self.is_given_up = False
        self._thread = threading.Thread(target=self._run, name=f"kwlab-{name}", daemon=True)

    def now(self) -> float:
        """Give the time of the story, in seconds."""
        return self._play.now

    def sleep(self, seconds: float) -> None:
        """Let so many seconds of the story pass.

        Parameters
        ----------
        seconds : float

        Raises
        ------
        RecordingOver
            When the story is over before.
        """
        self._play.wait_until(self, self.now() + max(seconds, 0.0))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the end; tell whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def is_ready(self, released: float) -> bool:
        """Tell whether nothing moves in it before something happens."""
        if self.is_done:
            return True
        if self.due is not None:
            return self.due > released
        exchanges = self.way.exchanges
        return bool(exchanges) and exchanges[-1].is_up_to_date

    def _run(self) -> None:
        try:
            self.result = self._body(self)
        except BaseException as error:
            self.error = error
        finally:
            self._play.leave(self)


class Play:
    """Play a story once.

    Parameters
    ----------
    driver : Driver
        The namespace stands at the start of its story.
    wire : Wire
    endpoint : Endpoint
        Leads over the wire.
    cuts : sequence of faults.Cut
    deadline : Deadline
    progress : callable
        Called with how many changes are made.
    """

    def __init__(
        self,
        driver: Driver,
        wire: Wire,
        endpoint: Endpoint,
        cuts: Sequence[faults.Cut],
        deadline: Deadline,
        progress: Callable[[int], None],
    ) -> None:
        self._driver, self._wire, self._endpoint = driver, wire, endpoint
        self._cuts, self._deadline, self._progress = cuts, deadline, progress
        self._changed = threading.Condition()
        self._actors: list[Actor] = []
        self._released = 0.0
        self._is_over = False
        self.now = 0.0

    def way(self, actor: Actor) -> LiveWay:
        """Give a new way over the wire."""
        return LiveWay(
            self._endpoint,
            now=lambda: self.now,
            asks=self._expect_present,
            is_over=lambda: self._is_over,
            changed=self._changed,
            clock=actor,
        )

    @property
    def happened(self) -> History:
        """Give what the cluster has done so far."""
        return self._driver.happened

    def add(self, name: str, body: Callable[[Actor], object]) -> Actor:
        """Let somebody take part, from the start.

        Parameters
        ----------
        name : str
        body : callable
            Takes the actor, and gives a result.

        Returns
        -------
        Actor
        """
        actor = Actor(self, name, body)
        self._actors.append(actor)
        return actor

    def run(self) -> None:
        """Play to the end; whatever comes, every connection is closed then.

        Raises
        ------
        ClusterError
            When the cluster refuses, or is too slow.
        WatchFunctionError
            When a function never comes back.
        Exception
            What a function raised.
        """
        try:
            self._driver.begin()
            for actor in self._actors:
                actor.start()
            self._settle()
            for moment, act in self._acts():
                self._pass_time(moment)
                self._move_to(moment)
                act()
                self._settle()
            self._pass_time(self._driver.story.seconds, inclusive=True)
            self._move_to(self._driver.story.seconds)
        finally:
            self._end()
        self._check_ends()

    def wait_until(self, actor: Actor, due: float) -> None:
        """Let an actor wait for a moment of the story.

        Parameters
        ----------
        actor : Actor
        due : float
            In seconds.

        Raises
        ------
        RecordingOver
            When the story is over before.
        """
        with self._changed:
            actor.due = due
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_over or due <= self._released)
            actor.due = None
        actor.way.check()

    def leave(self, actor: Actor) -> None:
        """Note that an actor is done.

        Parameters
        ----------
        actor : Actor
        """
        with self._changed:
            actor.is_done = True
            self._changed.notify_all()

    def _acts(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """Give what is done when: at one moment, changes come before a cut, and a return last."""
        story = self._driver.story
        acts: list[tuple[float, int, Callable[[], None]]] = [
            (change.at, 0, partial(self._make, change)) for change in story.changes
        ]
        for cut in self._cuts:
            at = cut.moment(story)
            acts.append((at, 1, partial(self._cut, cut)))
            if cut.away_seconds:
                acts.append((at + cut.away_seconds, 2, self._wire.come_back))
        for moment, _, act in sorted(acts, key=lambda one: one[:2]):
            if moment <= story.seconds:
                yield moment, act

    def _make(self, planned: Change) -> None:
        made = self._driver.make(planned)
        with self._changed:
            for exchange in self._open_watches():
                exchange.expected |= sent_later(exchange.request, made, self._driver.resource)
        self._progress(planned.number)

    def _cut(self, cut: faults.Cut) -> None:
        with self._changed:
            for exchange in self._open_watches():
                # The client does not know yet; nobody is ready before it does.
                exchange.is_cut = True
        if cut.away_seconds:
            self._wire.leave()
        self._wire.cut(is_reset=cut.how == "reset")

    def _open_watches(self) -> Iterator[Exchange]:
        for actor in self._actors:
            yield from actor.way.exchanges[-1:]

    def _expect_present(self, exchange: Exchange) -> None:
        exchange.expected |= sent_at_first(exchange.request, self._driver.happened)

    def _pass_time(self, until: float, *, inclusive: bool = False) -> None:
        """Wake whoever waits for a moment before this one, each at its own."""
        while True:
            dues = [actor.due for actor in self._actors if actor.due is not None]
            early = [due for due in dues if due < until or (inclusive and due == until)]
            if not early:
                return
            self._move_to(min(early))
            with self._changed:
                self._released = self.now
                self._changed.notify_all()
            self._settle()

    def _move_to(self, moment: float) -> None:
        self.now = max(self.now, moment)

    def _settle(self) -> None:
        """Wait until everybody is ready for what comes next."""
        late = time.monotonic() + self._deadline.within(PATIENCE_SECONDS)
        with self._changed:
            while waited_for := [actor for actor in self._actors if not self._is_settled(actor)]:
                left = late - time.monotonic()
                if left <= 0:
                    for actor in waited_for:
                        actor.is_given_up = True
                    break
                self._changed.wait(left)
        for actor in self._actors:
            if actor.error is not None:
                raise actor.error
        self._deadline.check()

    def _is_settled(self, actor: Actor) -> bool:
        is_ready = actor.is_ready(self._released)
        actor.is_given_up = actor.is_given_up and not is_ready
        return is_ready or actor.is_given_up

    def _end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._wire.close()
        self._driver.end()

    def _check_ends(self) -> None:
        late = time.monotonic() + PATIENCE_SECONDS
        for actor in self._actors:
            if not actor.join(max(late - time.monotonic(), 0.0)):
                raise WatchFunctionError(say("function.never_returned"))
            if actor.error is not None and not isinstance(actor.error, RecordingOver):
                raise actor.error
