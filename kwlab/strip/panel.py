"""One watcher's panel: cause on the rail, effect in the rows, sum below them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kwlab import naming
from kwlab.history import Change
from kwlab.messages import say
from kwlab.metrics import Fate
from kwlab.strip.facts import Connection, Spell, Told
from kwlab.strip.layout import LEFT, RIGHT, Room, lane_end
from kwlab.strip.marks import Canvas, cross, lettered, number, shape, text_width
from kwlab.strip.plan import (
    Plan,
    seconds_text,
    short,
)
from kwlab.strip.rail import RailDrawing
from kwlab.wire import EventType

TOTALS: Final = 885.0
LABELS: Final = 12.0
DOTS: Final = "2 2"
GHOST_DASH: Final = "4 2.5"
LOST_DASH: Final = "2.5 2"
UNTOLD: Final = 0.45
"""The height of a bar whose object is gone, where nobody has said so yet, over its full height."""


def elided(text: str, characters: int) -> str:
    """Shorten a text in its middle.

    Parameters
    ----------
    text : str
    characters : int
        How many it may have.

    Returns
    -------
    str
    """
    if len(text) <= characters:
        return text
    head = (characters - 1) // 2
    return f"{text[:head]}…{text[len(text) - (characters - 1 - head) :]}"


class PanelDrawing:
    """Draw one watcher's panel.

    Parameters
    ----------
    canvas : Canvas
    plan : Plan
    index : int
        The lane's, from 0.
    note : str
        What the caller says of the watcher; may be empty.
    """

    def __init__(self, canvas: Canvas, plan: Plan, index: int, note: str) -> None:
        self.canvas, self.plan, self.index, self.note = canvas, plan, index, note
        self.lane = plan.lanes[index]
        self.count = self.lane.count
        self.panel = plan.panels[index]
        self.size, self.axis = plan.size, plan.axis
        self.placed = plan.placed[index]
        self.end = lane_end(self.lane, index, plan.axis)
        self.lost = plan.lost_places(self.lane)
        self.deaths = {
            change.object.uid: change
            for change in self.count.changes
            if change.type is EventType.DELETED
        }
        spelt = {spell.uid for spell in self.lane.spells}
        self.watched = spelt.union(self.count.told.plurals)

    def draw(self) -> None:
        """Draw it, from back to front."""
        self._head()
        for connection in self.lane.open_connections:
            self._ground(connection)
        for connection in self.lane.open_connections:
            self._column(connection)
        self._rows()
        self._ghosts()
        RailDrawing(self.canvas, self.plan, self.index).draw()
        self._late()
        for change in self.count.lost:
            self._lost(change)
        for told in self.lane.told:
            self._told(told)
        self._crowd()
        self._sums()
        self._captions()

    def _room(self, connection: Connection) -> Room:
        return self.axis.rooms[self.index, connection.number]

    def _stop(self, connection: Connection) -> float:
        return self.axis.ends[self.index, connection.number]

    def _describe(self, told: Told, key: str) -> str:
        name = self.plan.shown[told.seen.uid]
        rv = f"rv@{told.change.number}" if told.change else "rv@0"
        return say(
            key,
            type=told.seen.type.value,
            name=name,
            rv=rv,
            at=seconds_text(told.seen.at),
            told=told.change.type.value if told.change else told.seen.type.value,
            value=told.seen.resource_version,
        )

    # The head: who, and how much in all.

    def _head(self) -> None:
        top, canvas = self.panel.top, self.canvas
        canvas.path(f"M12 {number(top)}H988", "rule", 1)
        name = elided(self.count.watcher, 40)
        canvas.text(LABELS, top + 21, name, "ink", 15, is_bold=True, title=self.count.watcher)
        total = say("strip.delivered", n=self.count.delivered, count=short(self.count.delivered))
        self._total(top + 21, total, "ink", is_bold=True)
        if self.note:
            start = max(LEFT, LABELS + text_width(name, 15, is_bold=True) + 12)
            room = int((TOTALS - 8 - start) / text_width("m", 13))
            canvas.text(start, top + 21, elided(self.note, room), "soft", 13, title=self.note)
        canvas.text(LABELS, top + 45.5, say("strip.asks_from"))

    def _total(self, y: float, text: str, kind: str, *, is_bold: bool = False) -> None:
        x = min(TOTALS, 992 - text_width(text, 13, is_bold=is_bold))
        self.canvas.text(x, y, text, kind, 13, is_bold=is_bold)

    # The effect: what the program believes.

    def _ground(self, connection: Connection) -> None:
        x, top = self._room(connection).left, self.panel.top + 34
        width = self._stop(connection) - x
        self.canvas.rect(x, top, width, self.panel.bottom - top, "on")

    def _rows(self) -> None:
        self._row_names()
        if self.panel.band is not None:
            self._others()
        for spell in self.lane.spells:
            row = self.plan.rows.of.get(spell.uid)
            if row is not None:
                self._spell(spell, self.panel.centres[row])

    def _row_names(self) -> None:
        if self.size.has_letters:
            for row, name in sorted(self._named().items()):
                text, y = elided(name, 10), self.panel.centres[row]
                self.canvas.text(94, y + 4.5, text, "ink", 13, anchor="end", title=name)
        elif self.panel.centres:
            kind = naming.noun(1, self.count.told.resources)
            y = max(self.panel.centres[0] + 4.5, self.panel.top + 66)
            texts = [say("strip.a_bar", kind=kind), say("strip.a_bar.short", kind=kind)]
            self.canvas.label(LABELS, y, [*texts, elided(kind, 13)], high=110)

    def _named(self) -> dict[int, str]:
        """Name the rows of what is watched here, as if nobody beside watched anything else."""
        own, row_of = naming.shown_names(self.count.told), self.plan.rows.of
        return {
            row_of[uid]: own.get(uid, self.plan.shown[uid]) for uid in self.watched if uid in row_of
        }

    def _others(self) -> None:
        y = self.panel.band or 0.0
        others = len(self.plan.rows.others & self.watched)
        if not others:
            return
        key = "strip.more" if self.plan.rows.of else "strip.all_of_them"
        kinds = naming.noun(2, self.count.told.resources)
        text = say(key, n=others, count=short(others), kinds=kinds)
        self.canvas.text(LABELS, y + 4.5, elided(text, 14), title=text)
        self.canvas.rect(LEFT, y - 8, self.end - LEFT, 16, "band", title=text)

    def _span(self, spell: Spell) -> tuple[float, float]:
        start = self.placed[spell.start.index] if spell.start else LEFT
        return start, self.placed[spell.end.index] if spell.end else self.end

    def _spell(self, spell: Spell, y: float) -> None:
        left, right = self._span(spell)
        death = self.deaths.get(spell.uid)
        gone = self.axis.column(death) if death else right
        stop = right if gone < left else min(gone, right)
        self._bar(left, stop, y, self.size.bar)
        if death and death not in self.count.lost and stop < right:
            self._bar(stop, right, y, UNTOLD * self.size.bar)
            self._dots(stop, right, y)
        if spell.end and not self.size.has_letters:
            x, half = right + self.size.r + 0.6, self.size.row / 2 - 1
            self.canvas.path(f"M{number(x)} {number(y - half)}v{number(2 * half)}", "bl", 1.2)

    def _bar(self, left: float, right: float, y: float, height: float) -> None:
        self.canvas.rect(left, y - height / 2, right - left, height, "band")

    def _dots(self, left: float, right: float, y: float) -> None:
        self.canvas.path(f"M{number(left)} {number(y)}H{number(right)}", "bl", 1.4, dash=DOTS)

    def _column(self, connection: Connection) -> None:
        again = sum(t.fate is Fate.REPLAYED for t in connection.opening)
        if again:
            room, top = self._room(connection), self.panel.rail + 1.5
            title = say("strip.title.column", n=again, number=connection.number)
            height = self.panel.bottom - top
            self.canvas.rect(room.left, top, 0.84 * room.width, height, "col", title=title)

    def _ghosts(self) -> None:
        is_first = True
        for row, spell, death in sorted(self._haunted(), key=lambda item: item[:1]):
            self._ghost(row, spell, death, is_first=is_first)
            is_first = False

    def _haunted(self) -> Iterator[tuple[int, Spell, Change]]:
        lost = {c.object.uid: c for c in self.count.lost if c.type is EventType.DELETED}
        for spell in self.lane.spells:
            death, row = lost.get(spell.uid), self.plan.rows.of.get(spell.uid)
            if death and row is not None and self._span(spell)[1] > self.axis.column(death):
                yield row, spell, death

    def _ghost(self, row: int, spell: Spell, death: Change, *, is_first: bool) -> None:
        left, right = self.lost.get(death.number, self.axis.column(death)), self._span(spell)[1]
        y, height = self.panel.centres[row], min(0.7 * self.panel.heights[row], 23.8)
        height = max(height, min(self.panel.heights[row] - 3, 13))
        name = self.plan.shown[spell.uid]
        rv = f"rv@{death.number}"
        texts = list(self._ghost_texts(name, rv, is_first=is_first))
        title = say("strip.ghost.first", name=name, rv=rv)
        self.canvas.rect(
            left, y - height / 2, right - left, height, "vo",
            extra=f' stroke-dasharray="{GHOST_DASH}" stroke-width="1.3"', title=title,
        )  # fmt: skip
        start = left + self.size.r + 8
        self.canvas.label(start, y + 4.3, texts, "ink", low=start, high=right - 4, title=title)

    def _ghost_texts(self, name: str, rv: str, *, is_first: bool) -> Iterator[str]:
        """Give what a ghost's box says, the longest first; at letters the row has its name."""
        if is_first or self.size.has_letters:
            yield say("strip.ghost.first", name=elided(name, 40), rv=rv)
        if self.size.has_letters:
            yield from (say(f"strip.ghost.{key}", rv=rv) for key in ("long", "short", "least"))
        else:
            yield from (say("strip.ghost.next", name=elided(name, n), rv=rv) for n in (40, 16))
            yield elided(name, 16)

    def _late(self) -> None:
        for told in self.lane.told:
            row = self.plan.rows.of.get(told.seen.uid)
            if told.is_late and told.change and row is not None:
                x = self.axis.column(told.change)
                if x < self.placed[told.index]:
                    self._dots(x, self.placed[told.index], self.panel.centres[row])

    def _lost(self, change: Change) -> None:
        y = self.plan.centre(self.panel, change.object.uid)
        if y is None or change.object.uid in self.plan.rows.others:
            return
        x, r = self.lost[change.number], max(3.0, self.size.r)
        title = say(
            "strip.title.lost",
            type=change.type.value,
            name=self.plan.shown[change.object.uid],
            rv=f"rv@{change.number}",
            at=seconds_text(change.at),
            value=change.object.resource_version,
        )
        shape(self.canvas, change.type, x, y, r, "vo", width=1.4, dash=LOST_DASH, title=title)
        if self.size.has_letters:
            lettered(self.canvas, change.type, x, y, r, "ink")

    def _told(self, told: Told) -> None:
        row = self.plan.rows.of.get(told.seen.uid)
        if row is None:
            return
        x, y, r = self.placed[told.index], self.panel.centres[row], self.size.r
        if told.fate is Fate.REPLAYED:
            self._replayed(told, x, y)
            return
        title = self._describe(told, f"strip.title.{told.manner}")
        kind = "k" if told.fate is Fate.NOT_REQUESTED else "bm"
        if self.size.has_ticks and told.seen.type is EventType.MODIFIED:
            self.canvas.path(f"M{number(x)} {number(y - 2.8)}v5.6", "bl", 1.4, title=title)
        else:
            shape(self.canvas, told.seen.type, x, y, r, kind, width=self.size.halo, title=title)
        if self.size.has_letters:
            lettered(self.canvas, told.seen.type, x, y, r, "in")

    def _replayed(self, told: Told, x: float, y: float) -> None:
        title, r = self._describe(told, "strip.title.replayed"), self.size.r
        if self.size.has_ticks:
            cross(self.canvas, x, y, 2.8, 1.6, title, has_halo=True)
            return
        shape(self.canvas, told.seen.type, x, y, r, "vo", width=1.5, title=title)
        if self.size.has_letters:
            lettered(self.canvas, told.seen.type, x, y, r, "vt")
            cross(self.canvas, x + 0.95 * r, y - 0.8 * r, 3.4, 2)
        else:
            cross(self.canvas, x, y, 0.5 * r, 1.4)

    def _crowd(self) -> None:
        if self.panel.band is None:
            return
        for connection in self.lane.open_connections:
            again = sum(
                t.fate is Fate.REPLAYED and t.seen.uid in self.plan.rows.others
                for t in connection.opening
            )
            if again:
                room = self._room(connection)
                x, title = room.left + 0.42 * room.width, say("strip.title.many", n=again)
                cross(self.canvas, x, self.panel.band, 6, 2.6, title, has_halo=True)

    # The sum: how often, and what it comes to.

    def _sums(self) -> None:
        self._beliefs()
        panel, count = self.panel, self.count
        if not panel.has_sums:
            self._total(panel.top + 50, say("strip.replayed", n=0, count="0"), "ink")
            self._total(panel.top + 66, say("strip.lost", n=0, count="0"), "ink")
            self._adds_up(panel.sums)
            return
        y = panel.sums
        cross(self.canvas, 16, y - 4, 3.5, 1.6)
        self.canvas.text(26, y, say("strip.label.replayed"))
        self._sum_total(y, "strip.replayed", count.replayed)
        self.canvas.rect(
            12.5, y + 10.5, 7, 7, "vo", extra=' stroke-dasharray="2 1.5" stroke-width="1.4"'
        )
        self.canvas.text(26, y + 18, say("strip.label.lost"))
        self._sum_total(y + 18, "strip.lost", len(count.lost))
        if count.lost_deletions:
            text = say("strip.deletions", n=count.lost_deletions, count=short(count.lost_deletions))
            self.canvas.text(TOTALS, y + 34, text, "vt")
        self._replay_sums(y)
        self._lost_sums(y + 18)
        self._adds_up(y + 34)

    def _sum_total(self, y: float, key: str, n: int) -> None:
        self._total(y, say(key, n=n, count=short(n)), "vt" if n else "ink", is_bold=True)

    def _adds_up(self, y: float) -> None:
        received, changes = self.count.sums(short)
        self.canvas.text(LABELS, y, say("strip.label.adds_up"))
        self.canvas.text(LEFT, y, received)
        self.canvas.text(LEFT + text_width(received, 12) + 24, y, changes)

    def _beliefs(self) -> None:
        count, y = self.count, self.panel.bottom - 7
        self._total(y, say("strip.real", n=len(count.real), count=short(len(count.real))), "ink")
        believed = len(count.believed)
        self._total(y - 16, say("strip.believed", n=believed, count=short(believed)), "ink")
        ghosts = len(count.ghosts)
        text = say("strip.ghosts", n=ghosts, count=short(ghosts))
        self._total(y - 32, text, "vt" if ghosts else "ink", is_bold=ghosts > 0)

    def _sum_texts(self, key: str, n: int) -> list[str]:
        spelt = [say(key, n=n, count=short(n))] if self.size.has_letters else []
        return [*spelt, short(n)]

    def _replay_sums(self, y: float) -> None:
        for connection in self.lane.open_connections:
            if connection.replayed:
                room = self._room(connection)
                self._sum_label(
                    room.left + 0.42 * room.width, y, "strip.replayed", connection.replayed
                )

    def _sum_label(self, x: float, y: float, key: str, n: int) -> None:
        texts = self._sum_texts(key, n)
        half = text_width(texts[0], 13, is_bold=True) / 2
        self.canvas.label(
            max(x, LEFT + half), y, texts, "vt", 13, anchor="middle", is_bold=True,
            low=LEFT, high=TOTALS - 4,
        )  # fmt: skip

    def _lost_sums(self, y: float) -> None:
        if not self.count.lost:
            text = say("strip.only_waste", n=self.count.replayed, count=short(self.count.replayed))
            self.canvas.text(LEFT, y, text)
            return
        groups = [absence.lost for absence in self.lane.absences]
        for changes in [*groups, self.lane.lost_connected]:
            if changes:
                xs = [self.axis.column(change) for change in changes]
                self._sum_label((xs[0] + xs[-1]) / 2, y, "strip.lost", len(changes))

    # The captions: what the eye does not tell by itself, once.

    def _captions(self) -> None:
        y = self.panel.caption
        if y is None:
            return
        for connection in self.lane.open_connections:
            if any(t.fate is Fate.REPLAYED for t in connection.opening):
                key = "strip.why.none" if connection.asked is None else "strip.why.old"
                texts = [say(f"{key}.long"), say(f"{key}.short")]
                left = self._room(connection).left + 3
                if self.canvas.label(left, y, texts, "vt", high=RIGHT):
                    break
        self._disguises(y)

    def _disguises(self, y: float) -> None:
        texts = [say("strip.disguised.long"), say("strip.disguised.short")]
        for connection in self.lane.open_connections:
            if any(
                t.fate is Fate.DISGUISED and t.seen.uid in self.plan.rows.of
                for t in connection.opening
            ):
                left = self._room(connection).left + 3
                if self.canvas.label(left, y, texts, "bt", high=RIGHT):
                    break
