"""The rail of one watcher: what each connection asked from, how it ended, and what came between."""

from __future__ import annotations

from functools import partial

from kwlab.log import Close
from kwlab.messages import say
from kwlab.strip.facts import Absence, Connection
from kwlab.strip.layout import LEFT, RIGHT, Room, lane_end
from kwlab.strip.marks import Canvas, number, text_width
from kwlab.strip.plan import (
    HOOK,
    Plan,
    dropped_texts,
    reason,
    seconds_text,
    seen_texts,
    tries_text,
)


class RailDrawing:
    """Draw one watcher's rail.

    Parameters
    ----------
    canvas : Canvas
    plan : Plan
    index : int
        The lane's, from 0.
    """

    def __init__(self, canvas: Canvas, plan: Plan, index: int) -> None:
        self.canvas, self.plan, self.index = canvas, plan, index
        self.lane, self.panel = plan.lanes[index], plan.panels[index]
        self.size, self.axis = plan.size, plan.axis
        self.end = lane_end(self.lane, index, plan.axis)

    def draw(self) -> None:
        """Draw the connections, then what stands between them."""
        is_each = self._labels_fit()
        if not is_each:
            self._one_label()
        for connection in self.lane.open_connections:
            self._connection(connection, is_labelled=is_each)
        for absence in self.lane.absences:
            self._absence(absence)

    def _labels_fit(self) -> bool:
        """Tell whether most connections have room for what they asked from."""
        found = self.lane.open_connections
        widths = [text_width(self._asked(c), 12, is_bold=True) + 3 for c in found]
        rooms = [self._next_left(c) - self._room(c).left for c in found]
        fitting = sum(width <= room for width, room in zip(widths, rooms, strict=True))
        return 2 * fitting >= len(found)

    def _one_label(self) -> None:
        found, y = self.lane.open_connections, self.panel.rail - 6
        dropped = sum(connection.is_dropped for connection in found)
        if dropped == len(found) and all(connection.asked is None for connection in found):
            text, kind = say("strip.always_none", n=dropped), "vt"
        elif dropped:
            text, kind = say("strip.mostly_dropped", n=dropped, count=len(found)), "vt"
        else:
            text, kind = say("strip.always_resumed", n=len(found)), "ink"
        self.canvas.label(LEFT + 2, y, [text], kind, is_bold=True, high=RIGHT)

    def _connection(self, connection: Connection, *, is_labelled: bool) -> None:
        left, right, y = self._room(connection).left, self._stop(connection), self.panel.rail
        title = say(
            "strip.title.connection",
            number=connection.number,
            at=seconds_text(connection.at),
            rv=self._asked(connection),
            value=connection.asked or say("strip.none"),
            ended=seconds_text(connection.closed_at),
            reason=reason(connection) or say("strip.close.over"),
        )
        self.canvas.path(f"M{number(left)} {number(y)}H{number(right)}", "bl", 3, title=title)
        self._end_mark(connection, right, y)
        kind = "vt" if connection.is_dropped else "ink"
        variants = [self._asked(connection)]
        if variants == ["rv@0"]:
            variants.insert(0, say("strip.list", rv="rv@0"))
        if is_labelled:
            high = self._next_left(connection) - 1
            self.canvas.label(left + 2, y - 6, variants, kind, is_bold=True, title=title, high=high)
        for seen in connection.bookmarks:
            self._bookmark(min(self.axis.at(seen.at), right - 6), y, seen.resource_version)
        self._end_text(connection, left, right, y)

    def _next_left(self, connection: Connection) -> float:
        later = (c for c in self.lane.open_connections if c.number > connection.number)
        after = next(later, None)
        return self._room(after).left if after else RIGHT + 8

    def _asked(self, connection: Connection) -> str:
        if connection.asked is None:
            return say("strip.none")
        return self.plan.names.name(connection.asked) or say("strip.empty")

    def _end_mark(self, connection: Connection, x: float, y: float) -> None:
        at, close = f"M{number(x)} ", connection.close
        if close is Close.OVER:
            return
        if close is Close.CUT:
            self.canvas.path(f"{at}{number(y - 8)}l-3 4.5l6 3.5l-6 3.5l3 4.5", "bl", 2)
        elif close in {Close.ERROR, Close.UNREADABLE}:
            self._diamond(x, y, reason(connection))
        else:
            self.canvas.path(f"{at}{number(y - 5)}v10", "bl", 2)

    def _end_text(self, connection: Connection, left: float, right: float, y: float) -> None:
        is_plain = connection.close is Close.TIMEOUT
        if connection.close is Close.OVER or (is_plain and not self.size.has_letters):
            return
        kind = "soft" if is_plain else "ink"
        for x in (right - 6, right - 14, right - 22):
            texts = [reason(connection)]
            if self.canvas.label(x, y + 15, texts, kind, anchor="end", low=left + 2):
                break

    def _bookmark(self, x: float, y: float, value: str) -> None:
        title = say("strip.title.bookmark", rv=self.plan.names.name(value), value=value)
        self.canvas.path(f"M{number(x)} {number(y)}v9m0 -6l5.5 3l-5.5 3z", "g", 1, title=title)
        self.canvas.block(x, y + 2, x + 6, y + 10)

    def _diamond(self, x: float, y: float, title: str) -> None:
        self.canvas.path(f"M{number(x)} {number(y - 5)}l5 5l-5 5l-5 -5z", "k", title=title)

    def _absence(self, absence: Absence) -> None:
        y = self.panel.rail
        left = self._stop(absence.before) if absence.before else LEFT
        after = absence.after
        right = self._room(after).left if after else self.end
        name = self.plan.names.name(after.handed) if after else ""
        if absence.before and after and after.is_dropped:
            self._hook(left, y, name)
        elif absence.before and after:
            self._arrow(left, right, y, name)
        if absence.before and after:
            texts = seen_texts(self.plan.wording, name)
            self.canvas.label(
                (left + right) / 2, y - 9.5, texts, anchor="middle", low=left, high=right
            )
        start = left + 8
        if absence.before and after and after.is_dropped:
            start = self._dropped(left, right, y, name)
        self._tries(absence, (left, start, right), y)

    def _dropped(self, left: float, right: float, y: float, name: str) -> float:
        """Say what was dropped; give where the tries may begin, so that none stands on it."""
        for text in dropped_texts(self.plan.wording, name):
            x = left + HOOK - 3
            if self.canvas.label(x, y + 15, [text], "vt", low=left, high=right):
                return x + text_width(text, 12) + 9
        return left + HOOK + 3

    def _hook(self, x: float, y: float, name: str) -> None:
        title = say("strip.title.dropped", rv=name)
        start = f"M{number(x + 1)} {number(y)}h1q4 0 4 4v4"
        self.canvas.path(start, "v", 1.6, title=title)
        self.canvas.path(f"M{number(x + 2)} {number(y + 7)}h8l-4 6z", "vf", title=title)

    def _arrow(self, left: float, right: float, y: float, name: str) -> None:
        title = say("strip.title.resumed", rv=name)
        line = f"M{number(left + 1)} {number(y)}H{number(max(left + 1, right - 4))}"
        self.canvas.path(line, "bl", 1.6, title=title)
        self.canvas.path(f"M{number(right)} {number(y)}l-6 -4v8z", "bt", title=title)

    def _tries(self, absence: Absence, room: tuple[float, float, float], y: float) -> None:
        if not absence.tries:
            return
        left, start, right = room
        start = max(left + 8, min(start, right - 6 - 5 * len(absence.tries)))
        step = min(14.0, (right - 6 - start) / max(1, len(absence.tries) - 1))
        last = start
        for index, connection in enumerate(absence.tries):
            by_order = right - 6 - (len(absence.tries) - 1 - index) * step
            last = min(max(start + index * step, self.axis.at(connection.at)), by_order)
            title = say(
                "strip.title.refused",
                number=connection.number,
                at=seconds_text(connection.at),
                reason=reason(connection),
            )
            self._diamond(last, y, title)
        texts = [tries_text(absence)]
        middle = max((start + last) / 2, left + text_width(texts[0], 12) / 2 + 4)
        label = partial(self.canvas.label, low=left, high=right)
        if not label(middle, y + 17, texts, "ink", anchor="middle"):
            label(right - 4, y + 15, texts, "ink", anchor="end")

    def _room(self, connection: Connection) -> Room:
        return self.axis.rooms[self.index, connection.number]

    def _stop(self, connection: Connection) -> float:
        return self.axis.ends[self.index, connection.number]
