"""A walk along a watch strip: where one can stop, and what is said there. No pixels, no widget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kwlab import naming
from kwlab.calls import is_number
from kwlab.errors import LabError
from kwlab.history import Change
from kwlab.log import Close
from kwlab.messages import say
from kwlab.metrics import Fate
from kwlab.naming import listed
from kwlab.strip.facts import Connection, Lane, Told
from kwlab.strip.layout import RIGHT
from kwlab.strip.plan import Plan, reason, seconds_text
from kwlab.strip.tables import asked_text, believed, watcher_text
from kwlab.wire import EventType

Kind: TypeAlias = Literal["change", "end of a connection", "opening", "end"]
Goal: TypeAlias = Literal["change", "lost", "replay", "reconnect"]

_ORDER = {"change": 0, "end of a connection": 1, "opening": 2, "end": 3}


@dataclass(frozen=True, slots=True)
class Stop:
    """Hold one place to stop at.

    Parameters
    ----------
    kind : str
    at : float
        In seconds.
    x : float
        In pixels.
    change : Change or None
        What happened.
    connections : tuple of (int, Connection)
        What ended or opened, each with its lane from 0.
    """

    kind: Kind
    at: float
    x: float
    change: Change | None = None
    connections: tuple[tuple[int, Connection], ...] = ()


class Walk:
    """Hold the stops of a strip, and say what is to be seen at each.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stops = (*_stops(plan), Stop("end", plan.seconds, RIGHT))
        self._goals: dict[Goal, list[int]] = {
            "change": [n for n, s in enumerate(self.stops) if s.kind == "change"],
            "lost": [n for n, s in enumerate(self.stops) if self._is_lost(s)],
            "replay": [n for n, s in enumerate(self.stops) if self._is_replay(s)],
            "reconnect": [n for n, s in enumerate(self.stops) if self._is_reconnect(s)],
        }

    def has(self, goal: Goal) -> bool:
        """Tell whether there is anything of a kind to go to.

        Parameters
        ----------
        goal : str

        Returns
        -------
        bool
        """
        return bool(self._goals[goal])

    def find(self, goal: Goal, number: int) -> int:
        """Give the stop of the first, second, … of a kind.

        Parameters
        ----------
        goal : str
        number : int
            From 1.

        Returns
        -------
        int
            The stop's place, from 0.

        Raises
        ------
        LabError
            When there is no such.
        """
        found = self._goals[goal]
        if isinstance(number, bool) or not isinstance(number, int):
            raise LabError(say("strip.go.number", what=goal, value=repr(number)))
        if not 1 <= number <= len(found):
            key = "strip.go.only" if found else "strip.go.none"
            what, whats = (say(f"strip.what.{goal}", n=n) for n in (1, 2))
            raise LabError(say(key, n=len(found), what=what, whats=whats))
        return found[number - 1]

    def at(self, seconds: float) -> int:
        """Give the last stop up to a time; the first when there is none.

        Parameters
        ----------
        seconds : float

        Returns
        -------
        int

        Raises
        ------
        LabError
            When it is no number.
        """
        if not is_number(seconds):
            raise LabError(say("strip.go.time", value=repr(seconds)))
        return max((n for n, stop in enumerate(self.stops) if stop.at <= seconds), default=0)

    def next(self, goal: Goal, index: int) -> int:
        """Give the next stop of a kind; after the last, the first again.

        Parameters
        ----------
        goal : str
        index : int
            Where one stands.

        Returns
        -------
        int
            The same place when there is none of the kind.
        """
        found = self._goals[goal]
        later = [n for n in found if n > index]
        return (later or found or [index])[0]

    def previous(self, goal: Goal, index: int) -> int:
        """Give the stop of a kind before this one; before the first, the last again.

        Parameters
        ----------
        goal : str
        index : int
            Where one stands.

        Returns
        -------
        int
            The same place when there is none of the kind.
        """
        found = self._goals[goal]
        earlier = [n for n in found if n < index]
        return (earlier or found or [index])[-1]

    def say(self, index: int) -> str:
        """Say what happened at a stop, what became of it, and what it comes to so far.

        Parameters
        ----------
        index : int

        Returns
        -------
        str
            A line for the stop, and one for each watcher.
        """
        stop = self.stops[index]
        if stop.kind == "end":
            end = say("strip.step.end", at=seconds_text(stop.at))
            return "\n".join((end, *(watcher_text(lane) for lane in self.plan.lanes)))
        lines = [self._headline(stop)]
        for number, lane in enumerate(self.plan.lanes):
            because = self._because(lane, stop.change) if stop.change else ""
            lines.append(f"{because} {self._so_far(number, lane, stop)}".strip())
        return "\n".join(lines)

    def _is_lost(self, stop: Stop) -> bool:
        change = stop.change
        return change is not None and any(change.number in lane.lost for lane in self.plan.lanes)

    def _is_replay(self, stop: Stop) -> bool:
        return stop.kind == "opening" and any(c.replayed for _, c in stop.connections)

    def _is_reconnect(self, stop: Stop) -> bool:
        lanes = self.plan.lanes
        return stop.kind == "opening" and any(
            connection.number > lanes[lane].open_connections[0].number
            for lane, connection in stop.connections
        )

    def _headline(self, stop: Stop) -> str:
        at = seconds_text(stop.at)
        if stop.change is None:
            key = "open" if stop.kind == "opening" else "cut"
            tell = self._opens if stop.kind == "opening" else self._ends
            who = " ".join(tell(self.plan.lanes[lane], c) for lane, c in stop.connections)
            return say(f"strip.step.{key}", at=at, who=who)
        change = stop.change
        happened = say(
            "strip.step.change",
            at=at,
            did=say(f"strip.type.{change.type.value.lower()}"),
            name=self.plan.shown[change.object.uid],
            number=change.number,
        )
        return " ".join((happened, *(self._fate(lane, change) for lane in self.plan.lanes)))

    def _ends(self, lane: Lane, connection: Connection) -> str:
        watcher = lane.count.watcher
        absence = next((a for a in lane.absences if a.before is connection), None)
        why = reason(connection) or say("strip.close.over")
        if absence and absence.tries:
            away = seconds_text(absence.end - absence.start)
            return say("strip.step.cut_away", watcher=watcher, reason=why, seconds=away)
        return say("strip.step.cut_one", watcher=watcher, reason=why)

    def _opens(self, lane: Lane, connection: Connection) -> str:
        answer = ", ".join(self._sent(connection)) or say("strip.step.sent_nothing")
        opened = say(
            f"strip.step.open_{_how(connection)}",
            watcher=lane.count.watcher,
            rv=asked_text(self.plan, connection),
            answer=answer,
        )
        ghosts = self._not_there(lane, connection)
        if not ghosts:
            return opened
        facts = {"names": listed(ghosts), "watcher": lane.count.watcher}
        return f"{opened} {say('strip.step.not_there', n=len(ghosts), **facts)}"

    def _sent(self, connection: Connection) -> Iterator[str]:
        again = [t for t in connection.opening if t.fate is Fate.REPLAYED]
        late = [t for t in connection.opening if t.is_late]
        if names := self._names(again):
            key = "sent_again" if len(names) == len(again) else "sent_again_often"
            yield say(f"strip.step.{key}", n=len(names), names=listed(names), count=len(again))
        if late:
            yield say("strip.step.sent_late", n=len(late), names=listed(self._names(late)))

    def _names(self, told: Iterable[Told]) -> list[str]:
        return sorted({self.plan.shown[t.seen.uid] for t in told})

    def _not_there(self, lane: Lane, connection: Connection) -> list[str]:
        """Name what it goes on believing in after an opening that cannot tell of it."""
        until = sum(len(c.told) for c in lane.connections[: connection.number - 1])
        store = believed(self.plan, lane, lane.told[: until + len(connection.opening)])
        gone = {
            change.object.uid
            for change in lane.count.lost
            if change.type is EventType.DELETED and change.at <= connection.at
        }
        return sorted(name for uid, name in store.items() if uid in gone)

    def _told(self, lane: Lane, change: Change) -> tuple[Connection, Told] | None:
        for connection in lane.open_connections:
            for told in connection.told:
                if told.tells_of(change):
                    return connection, told
        return None

    def _fate(self, lane: Lane, change: Change) -> str:
        watcher, found = lane.count.watcher, self._told(lane, change)
        if found is None:
            if change.number not in lane.watched:
                return say("strip.fate.unwatched", watcher=watcher)
            if change in lane.count.superseded:
                return say("strip.fate.superseded", watcher=watcher)
            if change.number not in lane.lost:
                return say("strip.fate.pending", watcher=watcher)
            is_away = change.number not in {one.number for one in lane.lost_connected}
            return say(f"strip.fate.lost{'_away' if is_away else ''}", watcher=watcher)
        told = found[1]
        at = seconds_text(told.seen.at)
        return say(f"strip.fate.{told.manner}", watcher=watcher, at=at, type=told.seen.type.value)

    def _because(self, lane: Lane, change: Change) -> str:
        found, watcher = self._told(lane, change), lane.count.watcher
        if found is not None:
            connection = found[0]
            key = _how(connection)
            if not found[1].is_late:
                key = "same_none" if key == "none" else "same"
        else:
            missed = (a for a in lane.absences if any(c.number == change.number for c in a.lost))
            absence = next(missed, None)
            if absence is None or absence.after is None:
                return ""
            key, connection = _how(absence.after), absence.after
        return say(
            f"strip.because.{key}",
            watcher=watcher,
            rv=asked_text(self.plan, connection),
            at=seconds_text(connection.at),
        )

    def _so_far(self, number: int, lane: Lane, stop: Stop) -> str:
        plan, x = self.plan, stop.x + 0.05
        placed = plan.placed[number]
        told = [t for t in lane.told if placed[t.index] <= x]
        history = lane.count.told
        columns = zip(plan.changes, plan.axis.columns, strict=True)
        last = max((change.number for change, column in columns if column <= x), default=0)
        happened = sum(change.number <= last for change in history.changes)
        store, real = believed(plan, lane, told), len(history.state(happened))
        lost = sum(plan.axis.column(change) <= x for change in lane.count.lost)
        return say(
            "strip.so_far",
            watcher=lane.count.watcher,
            delivered=say("strip.so_far.delivered", n=len(told)),
            replayed=sum(t.fate is Fate.REPLAYED for t in told),
            lost=say("strip.so_far.lost", n=lost),
            believed=naming.counted(len(store), history.resources),
            exist=say("strip.so_far.exist", n=real),
        )


def _how(connection: Connection) -> str:
    """Say whether a request carried a resourceVersion: the last part of a sentence's key."""
    return "none" if connection.asked is None else "rv"


def _stops(plan: Plan) -> Iterator[Stop]:
    found = [Stop("change", c.at, plan.axis.column(c), c) for c in plan.changes]
    for lane, facts in enumerate(plan.lanes):
        for connection in facts.open_connections:
            key, this = (lane, connection.number), ((lane, connection),)
            room = plan.axis.rooms[key]
            x = room.left + 0.84 * room.width
            found.append(Stop("opening", connection.at, x, None, this))
            if connection.close is not Close.OVER:
                at = connection.closed_at
                found.append(Stop("end of a connection", at, plan.axis.ends[key], None, this))
    found.sort(key=lambda stop: (round(stop.x, 1), _ORDER[stop.kind]))
    yield from _merged(found)


def _merged(found: list[Stop]) -> Iterator[Stop]:
    """Make one stop of what ends or opens at one place in several lanes."""
    held: Stop | None = None
    for stop in found:
        if held and held.kind == stop.kind != "change" and stop.x - held.x < 0.1:
            together = held.connections + stop.connections
            held = Stop(held.kind, min(held.at, stop.at), held.x, None, together)
            continue
        if held:
            yield held
        held = stop
    if held:
        yield held
