"""The watch strip in words: alt text, and the same facts as two tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kwlab import naming
from kwlab.history import Change, Object
from kwlab.messages import say
from kwlab.metrics import Fate, believed_after
from kwlab.naming import listed, name_list
from kwlab.strip.facts import Connection, Lane, Told
from kwlab.strip.plan import Plan, about_text, reason, seconds_text
from kwlab.table import Table


def alt_text(plan: Plan) -> str:
    """Say in one line what the picture shows.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    str
    """
    parts = [say("strip.alt.changes", n=len(plan.changes))]
    if not plan.lanes:
        end = len(plan.history.state(len(plan.changes)))
        start = naming.counted(len(plan.history.objects), plan.history.resources)
        parts.append(say("strip.alt.state", start=start, end=end))
    if plan.cuts:
        cuts = ", ".join(about_text(at) for at, _ in plan.cuts)
        parts.append(say("strip.alt.cuts", cuts=cuts))
    parts += [watcher_text(lane) for lane in plan.lanes]
    return " ".join(parts)


def watcher_text(lane: Lane) -> str:
    """Say in one sentence how a watcher did.

    Parameters
    ----------
    lane : Lane

    Returns
    -------
    str
    """
    return say(
        "strip.alt.watcher",
        watcher=lane.count.watcher,
        asked=_asked(lane),
        delivered=_delivered(lane),
        lost=_lost(lane),
        believes=_believes(lane),
    )


def _asked(lane: Lane) -> str:
    found = lane.open_connections
    dropped = sum(connection.is_dropped for connection in found)
    if not found:
        return say("strip.alt.never")
    if not dropped:
        return say("strip.alt.resumed", n=len(found))
    if dropped == len(found) and all(connection.asked is None for connection in found):
        return say("strip.alt.none", n=len(found))
    return say("strip.alt.some", n=len(found), dropped=dropped)


def _delivered(lane: Lane) -> str:
    count = lane.count
    if count.delivered and count.delivered == count.new:
        return say("strip.alt.all_new", n=count.delivered)
    terms = listed([say(f"strip.{name}", count=n) for name, n in count.terms[0].items()])
    return say("strip.alt.delivered", n=count.delivered, terms=terms)


def _lost(lane: Lane) -> str:
    text = say("strip.alt.lost", n=len(lane.count.lost))
    if deletions := lane.count.lost_deletions:
        text = say("strip.alt.lost_deletions", lost=text, n=deletions)
    if superseded := len(lane.count.superseded):
        text = say("strip.alt.superseded", lost=text, n=superseded)
    return text


def _believes(lane: Lane) -> str:
    count = lane.count
    if count.ghosts:
        names = name_list([ghost.shown for ghost in count.ghosts])
        return say("strip.alt.ghosts", names=names, n=len(count.ghosts))
    if count.strangers:
        return say("strip.alt.strangers", names=name_list([one.shown for one in count.strangers]))
    if not count.told.objects and not count.told.changes:
        return say("strip.alt.nothing")
    missing = len(count.real) - len(count.believed)
    return say("strip.alt.misses", n=missing) if missing > 0 else say("strip.alt.exact")


def connections(plan: Plan) -> Table:
    """Make the table with a row a connection.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Table
        Watcher by watcher, in order of time; what is empty in every row is left out.
    """
    names = (
        "watcher", "connection", "asked_at", "asked_from", "value", "ended_at", "reason",
        "delivered", "inferred", "replayed", "not_requested", "changes", "bookmarks", "lost",
        "believed", "real", "ghosts",
    )  # fmt: skip
    rows = tuple(row for lane in plan.lanes for row in _connection_rows(plan, lane))
    kept = [n for n, name in enumerate(names) if not rows or any(_filled(name, r[n]) for r in rows)]
    left = {"watcher", "asked_from", "value", "reason", "ghosts"}
    return Table(
        _heads([names[n] for n in kept]),
        tuple(tuple(row[n] for n in kept) for row in rows),
        frozenset(place for place, n in enumerate(kept) if names[n] in left),
        say("strip.table.connections"),
    )


def _filled(name: str, cell: str) -> bool:
    is_rare = name in {"inferred", "not_requested", "bookmarks"}
    return cell not in ({"", "0"} if is_rare else {""})


def _heads(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(say(f"strip.head.{name}") for name in names)


def _connection_rows(plan: Plan, lane: Lane) -> Iterator[tuple[str, ...]]:
    lost = {a.after.number: len(a.lost) for a in lane.absences if a.after}
    strangers = {t.seen.uid for t in lane.told if t.fate is Fate.NOT_REQUESTED}
    told = 0
    for connection in lane.connections:
        told += len(connection.told)
        store = believed(plan, lane, lane.told[:told])
        real = _real(lane, connection.closed_at)
        ghosts = sorted(name for uid, name in store.items() if uid not in real | strangers)
        worth = Counter(one.fate for one in connection.told)
        yield (
            lane.count.watcher,
            str(connection.number),
            seconds_text(connection.at),
            asked_text(plan, connection),
            connection.asked or "",
            seconds_text(connection.closed_at),
            reason(connection) or say("strip.close.over"),
            str(len(connection.told)),
            str(worth[Fate.INFERRED]),
            str(worth[Fate.REPLAYED]),
            str(worth[Fate.NOT_REQUESTED]),
            str(worth[Fate.NEW] + worth[Fate.DISGUISED]),
            str(len(connection.bookmarks)),
            str(lost.get(connection.number, 0)),
            str(len(store)),
            str(len(real)),
            name_list(ghosts),
        )


def asked_text(plan: Plan, connection: Connection) -> str:
    """Name the resourceVersion that a connection asked from.

    Parameters
    ----------
    plan : Plan
    connection : Connection

    Returns
    -------
    str
        Empty when no question reached the server.
    """
    if not connection.is_open and connection.asked is None:
        return ""
    if connection.asked is None:
        return say("strip.none")
    return plan.names.name(connection.asked) or say("strip.empty")


def believed(plan: Plan, lane: Lane, told: Sequence[Told]) -> Mapping[str, str]:
    """Give what a program believes in after so many events.

    Parameters
    ----------
    plan : Plan
    lane : Lane
    told : sequence of Told
        In order of delivery.

    Returns
    -------
    mapping of str to str
        Names by uid.
    """
    seen = (event.seen for event in told)
    store = believed_after(lane.count.told, seen, lane.count.plurals)
    return {uid: plan.shown[uid] for uid in store.values()}


def _real(lane: Lane, at: float) -> frozenset[str]:
    told = lane.count.told
    state = told.state(told.happened(at))
    return frozenset(item.uid for item in state.values())


def changes(plan: Plan) -> Table:
    """Make the table with a row a change.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Table
        What the list at the start held, then what changed, in order of time.
    """
    heads = _heads(("time", "rv", "value", "type", "object"))
    lanes = [_Fates(lane) for lane in plan.lanes]
    known = tuple(
        (
            seconds_text(0.0),
            "rv@0",
            item.resource_version,
            say("strip.type.listed"),
            plan.shown[item.uid],
            *(lane.known(item) for lane in lanes),
        )
        for item in sorted(plan.history.objects, key=lambda item: plan.shown[item.uid])
    )
    rows = tuple(
        (
            seconds_text(change.at),
            f"rv@{change.number}",
            change.object.resource_version,
            change.type.value,
            plan.shown[change.object.uid],
            *(lane.cell(change) for lane in lanes),
        )
        for change in plan.changes
    )
    watchers = tuple(lane.count.watcher for lane in plan.lanes)
    left = frozenset(range(1, len(heads) + len(watchers)))
    return Table((*heads, *watchers), (*known, *rows), left, say("strip.table.changes"))


class _Fates:
    """Say of each change what became of it in one lane."""

    def __init__(self, lane: Lane) -> None:
        self._first = {t.change.number: t for t in lane.told if t.change and t.receipt.tells}
        again = [t.seen.identity for t in lane.told if t.fate is Fate.REPLAYED]
        self._again = {identity: again.count(identity) for identity in set(again)}
        self._listed = {item.uid for item in lane.count.told.objects}
        self._watched = lane.watched
        self._superseded = {change.number for change in lane.count.superseded}
        self._lost = dict.fromkeys(lane.lost, 0)
        for gap, absence in enumerate(lane.absences, start=1):
            self._lost.update(dict.fromkeys((c.number for c in absence.lost), gap))

    def known(self, item: Object) -> str:
        """Write the cell of an object that was in the list at the start."""
        if item.uid not in self._listed:
            return say("strip.cell.unwatched")
        return self._repeated(say("strip.cell.known"), item.identity)

    def _repeated(self, cell: str, identity: tuple[str, str]) -> str:
        again = self._again.get(identity, 0)
        return say("strip.cell.again", cell=cell, n=again) if again else cell

    def cell(self, change: Change) -> str:
        """Write one cell."""
        if change.number not in self._watched:
            return say("strip.cell.unwatched")
        if change.number in self._lost:
            gap = self._lost[change.number]
            return say("strip.cell.lost_gap", gap=gap) if gap else say("strip.cell.lost")
        told = self._first.get(change.number)
        if told is None:
            is_superseded = change.number in self._superseded
            return say("strip.cell.superseded" if is_superseded else "strip.cell.pending")
        at = seconds_text(told.seen.at)
        cell = say(f"strip.cell.{told.fate.name.lower()}", at=at, type=told.seen.type.value)
        return self._repeated(cell, change.object.identity)
