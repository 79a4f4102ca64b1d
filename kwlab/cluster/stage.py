"""A story played on a real cluster, behind the same lab, for the same functions.

The recording says what exists at the start, what changes, and when the connection is cut. All else
is the cluster's: uids, resourceVersions, bytes, and what a watch is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from kwlab import history
from kwlab.cluster import claims, ownership
from kwlab.cluster.claims import tell
from kwlab.cluster.connection import Connection, connect
from kwlab.cluster.deadline import Deadline
from kwlab.cluster.driver import Driver
from kwlab.cluster.endpoint import ServerEndpoint
from kwlab.cluster.namespace import Namespace, named
from kwlab.cluster.play import Actor, Play
from kwlab.cluster.proxy import LoopbackProxy
from kwlab.cluster.wiretap import LiveWay
from kwlab.comparison import Answer
from kwlab.errors import ClusterError, LabError
from kwlab.finding import Run
from kwlab.history import History
from kwlab.log import Log
from kwlab.messages import say
from kwlab.metrics import count
from kwlab.recording import Recording
from kwlab.running import heard, watched
from kwlab.server import faults
from kwlab.stage import Opens, playing, real_version
from kwlab.watched import watched_by
from kwlab.watching.response import WatchFunction
from kwlab.wire import ListOptions, Status, WatchEvent


def open_stage(story: Recording, context: str, namespace: str | None) -> LiveStage:
    """Have a cluster play a story.

    Parameters
    ----------
    story : Recording
    context : str
        As :func:`kwlab.cluster.connection.connect` takes it.
    namespace : str or None
        As :func:`kwlab.cluster.namespace.named` takes it.

    Returns
    -------
    LiveStage
        The namespace is there, and is removed again at the latest when this program ends.

    Raises
    ------
    ClusterError
        When the cluster cannot be used; it says what to do.
    """
    connection = connect(context)
    place = Namespace(connection, named(connection, namespace))
    stage = LiveStage(story, connection, place)
    claims.take(place)
    return stage


class LiveStage:
    """Play one recording in one namespace of a cluster.

    Parameters
    ----------
    story : Recording
    connection : Connection
    namespace : Namespace

    Raises
    ------
    ClusterError
        When the story is not one that a cluster can play.
    """

    def __init__(self, story: Recording, connection: Connection, namespace: Namespace) -> None:
        self.history = history.from_recording(story)
        self.scenario = faults.parse(story.header.scenario)
        self._name = story.header.name
        self._connection, self._namespace = connection, namespace
        self._endpoint = ServerEndpoint(connection)
        self._driver = Driver(namespace, self.history)
        self._turn = claims.turn(namespace)
        self._is_playing = False
        self._is_closed = False
        self._is_given_back = False

    @property
    def namespace(self) -> str:
        """Give the namespace on the cluster."""
        return self._namespace.name

    @property
    def resource_version(self) -> str:
        """Give the list's resourceVersion at the start of this play: the real one, opaque."""
        self._stand(Deadline())
        return self._driver.start.resource_version

    def title(self) -> str:
        """Say what is played, and where."""
        return say(
            "lab.title_live",
            name=self._name,
            context=self._connection.context,
            server=self._connection.version,
        )

    def session(self) -> LiveWay:
        """Give the way for requests between plays: the namespace stands at the start then."""
        return LiveWay(self._endpoint, asks=lambda _: self._stand(Deadline()))

    def run(
        self, functions: Mapping[str, WatchFunction], scenario: faults.Scenario
    ) -> tuple[list[Run], History]:
        """Play the story once to all functions, each in a thread of its own."""
        cuts = [fault for fault in scenario if isinstance(fault, faults.Cut)]
        if len(cuts) < len(scenario):
            others = sorted({type(fault).__name__ for fault in scenario} - {faults.Cut.__name__})
            raise ClusterError(say("cluster.scenario", faults=", ".join(others).lower()))
        with self._turn:
            deadline = Deadline()
            play, proxy = self._play(cuts, deadline)
            version = self._driver.start.resource_version
            actors = [
                play.add(name, self._in_run(partial(_watch, name, function, version)))
                for name, function in functions.items()
            ]
            self._perform(play, proxy, deadline)
            happened = play.happened
            return [_run_of(actor, happened) for actor in actors], happened

    def ask(self, at: float, resource_version: str | None, opens: Opens) -> Answer:
        """Play the story without cuts, ask at one moment, and hear the rest."""
        # A name that the story has not got is refused before anything is played.
        real_version(resource_version, self.history)
        with self._turn:
            deadline = Deadline()
            play, proxy = self._play([], deadline)
            actor = play.add("ask", self._in_run(partial(_ask, play, at, resource_version, opens)))
            self._perform(play, proxy, deadline)
            assert isinstance(actor.result, tuple)
            events, refused = actor.result
            ours = tuple(filter(ownership.is_ours, events))
            return Answer(ours, play.happened, refused=refused)

    def close(self) -> None:
        """Remove what was made, unless another lab of this program still plays there.

        Raises
        ------
        ClusterError
            When the cluster refuses, or is not reached any more; closing again tries again.
        """
        self._is_closed = True
        if not self._is_given_back:
            claims.give_back(self._namespace)
            self._is_given_back = True
        self._connection.close()

    def _stand(self, deadline: Deadline) -> None:
        if self._is_closed:
            # What it made now, nobody would remove.
            raise ClusterError(say("cluster.closed"))
        if not self._is_playing:
            with self._turn, deadline.told():
                self._driver.stand(deadline, self._show_standing)

    def _play(self, cuts: list[faults.Cut], deadline: Deadline) -> tuple[Play, LoopbackProxy]:
        self._stand(deadline)
        proxy = LoopbackProxy(self._endpoint.host, self._endpoint.port)
        proxy.open()
        endpoint = ServerEndpoint(self._connection, proxy.address)
        return Play(self._driver, proxy, endpoint, cuts, deadline, self._show_progress), proxy

    def _perform(self, play: Play, proxy: LoopbackProxy, deadline: Deadline) -> None:
        self._is_playing = True
        try:
            with deadline.told():
                play.run()
        finally:
            self._is_playing = False
            proxy.close()

    def _in_run(self, body: Callable[[Actor], object]) -> Callable[[Actor], object]:
        return lambda actor: playing(self, actor.way, partial(body, actor))

    def _show_standing(self, done: int) -> None:
        self._show("cluster.standing", done, len(self.history.objects))

    def _show_progress(self, done: int) -> None:
        self._show("cluster.progress", done, len(self.history.changes))

    def _show(self, key: str, done: int, total: int) -> None:
        facts = {"name": self._name, "context": self._connection.context, "done": done}
        tell(f"\r{say(key, n=total, **facts)}", end="\n" if done == total else "")


def _watch(name: str, function: WatchFunction, version: str, actor: Actor) -> object:
    return watched(name, function, version, clock=actor, asked=actor.way, counts=ownership.is_ours)


def _ask(
    play: Play, at: float, name: str | None, opens: Opens, actor: Actor
) -> tuple[tuple[WatchEvent, ...], Status | None]:
    actor.sleep(at)
    try:
        version = real_version(name, play.happened)
    except LabError as error:
        raise ClusterError(say("cluster.future", name=name, at=f"{at:g}")) from error
    return heard(opens(ListOptions(resource_version=version)))


def _run_of(actor: Actor, happened: History) -> Run:
    assert isinstance(actor.result, tuple)
    log, ended = actor.result
    assert isinstance(log, Log)
    return Run(count(log, watched_by(log, happened), happened), ended)
