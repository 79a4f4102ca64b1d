"""Write what came out as ``docs/peers.md``: an overview, then each library with its notes."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.peers.cell import Outcome
from benchmarks.peers.libraries import LIBRARIES, Library
from benchmarks.peers.notes import notes_on
from benchmarks.peers.scripts import AT, CHANGES, OBJECTS, SCRIPTS, SECONDS

MANY_REQUESTS: Final = 10
"""More requests than this in one second are named in the overview."""

COLUMNS: Final[Mapping[str, str]] = {
    "what went wrong": "the script; it begins {at:g} s after the first request",
    "requests": "lists and watches of pods that the server was asked for",
    "most in 1 s": "the most of them within one second",
    "delivered": "events that the library handed on; a list that it makes first is not among "
    "them, and a watch from nothing begins with the {objects} pods that exist",
    "replayed": "delivered events that told what had been told before: the same object at the "
    "same resourceVersion, or a deletion again",
    "no events": "things handed on that are no events: `None`, or the text of an answer",
    "lost": "changes that were never told although a watch could have got them; deletions among "
    "them in brackets. Of a library that has ended, only what it stepped over before its last "
    "event: the rest can still be had by who resumes there. Where the permission is lost, "
    "everything after that",
    "how it ended": "whether it was still running, and since when all that it had told was right, "
    "in seconds from the first request; or what it raised, and when",
    "CPU ms an event": "CPU time of its process from the first event to the end, divided by the "
    "delivered events; it has the JSON line in it that reports each event. Where the clock could "
    "not tell it from nothing, the least that it could tell is given after <",
}
"""The columns of a library's table, with their meaning."""

_INTRODUCTION: Final = """\
# The same faults for every library

How each Python library that watches Kubernetes comes through the same faults. `make peers` wrote
this page on {date}, with Python {python} on {system}. The date, the versions and all numbers are
those of the run; the notes were written by people and name the place in the source that explains a
row.

Each library is used as its documentation says, with its defaults, in an environment of its own;
where an option that it offers changes the result, it stands here a second time. All of them talk
to kwlab's embedded API server over loopback (HTTP/1.1, no TLS), and it is this server's own record
that counts the requests. The history is the same for all: {objects} pods at the start and {changes}
changes in {seconds:g} s, one every tenth of a second, deletions and recreations among them. A
library that is still behind at the end of the history is waited for {patience:g} s more, and
{long_patience:g} s more where a connection has fallen silent.

These are faults made on purpose, and each row is one run. A library that raises at a fault leaves
the decision to its caller, and that may be just what its documentation says; then the row says what
a program without a handler of its own gets. Rates depend on the machine and on what else it does:
read them as "about one a second" or "as fast as it can", not to the digit. Requests of discovery
are not counted, nor are connections that were refused because the server was away.

## Versions

{versions}

## At a glance

{glance}

*right*: it was still running at the end, and what a program believes that goes by its events is
what exists; each further number is a blemish on the way. *n wrong*: it was still running, but such
a program believes something wrong of n objects, whether it keeps them by name or by uid. *raised*:
iteration ended with an exception. *ended*: it ended without one. The number of requests in the
busiest second stands where it was above {many}.

## Every run

{columns}
"""

_REPRODUCE: Final = """\
## Reproduce it

`make peers` runs all of it again and writes this page; it takes about a quarter of an hour, and
needs a package index for the libraries. `python -m benchmarks.peers --only cut --only outage` runs
some of the scripts and prints the results, `--only lightkube` some of the libraries. The scripts
are in `benchmarks/peers/scripts.py`, the programs in `benchmarks/peers/adapters`. The environments
are kept in `kwlab-peers` in your cache folder. Top-level versions are pinned; their dependencies
are the newest that fit.
"""


def written(outcomes: Sequence[Outcome], versions: Mapping[str, str], date: datetime.date) -> str:
    """Write the page.

    Parameters
    ----------
    outcomes : sequence of Outcome
        One for each library and script, in any order.
    versions : mapping of str to str
        Of each package: its version and those of what it speaks HTTP with.
    date : datetime.date
        Of the run.

    Returns
    -------
    str
        Markdown.
    """
    found = {(outcome.library, outcome.script): outcome for outcome in outcomes}
    patience = sorted({script.patience_seconds for script in SCRIPTS})
    introduction = _INTRODUCTION.format(
        date=date.isoformat(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        objects=OBJECTS,
        changes=CHANGES,
        seconds=SECONDS,
        at=AT,
        patience=patience[0],
        long_patience=patience[-1],
        many=MANY_REQUESTS,
        versions=table(("package", "version"), [list(pair) for pair in versions.items()]),
        glance=_glance(found),
        columns=table(("column", "meaning"), list(COLUMNS.items())).format(at=AT, objects=OBJECTS),
    )
    sections = [_section(library, found) for library in LIBRARIES]
    return "\n".join([introduction, *sections, _REPRODUCE])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _glance(found: Mapping[tuple[str, str], Outcome]) -> str:
    rows = [
        [script.title, *(verdict(found[library.name, script.name]) for library in LIBRARIES)]
        for script in SCRIPTS
    ]
    return table(("", *(library.name for library in LIBRARIES)), rows)


def _section(library: Library, found: Mapping[tuple[str, str], Outcome]) -> str:
    rows = [_row(script.title, found[library.name, script.name]) for script in SCRIPTS]
    notes = "".join(f"\n- {note}" for note in notes_on(library))
    return f"### {library.name}\n\n{table(tuple(COLUMNS), rows)}\n{notes}\n"


def _row(title: str, outcome: Outcome) -> list[object]:
    return [
        title,
        outcome.requests,
        outcome.peak,
        outcome.delivered,
        outcome.replayed,
        outcome.no_events,
        _lost(outcome),
        ending(outcome),
        _cpu(outcome),
    ]


def _cpu(outcome: Outcome) -> str:
    if not outcome.delivered:
        return "none delivered"
    milliseconds = 1000 * outcome.cpu_seconds / outcome.delivered
    return "< 0.1" if milliseconds < 0.05 else f"{milliseconds:.1f}"


def _lost(outcome: Outcome) -> str:
    return f"{outcome.lost} ({outcome.lost_deletions})" if outcome.lost else "0"


def verdict(outcome: Outcome) -> str:
    """Say in a word or two what came of a run."""
    if not outcome.is_running:
        words = ["ended" if outcome.ended == "ended" else _raised(outcome, is_short=True)]
    else:
        words = [f"{outcome.wrong} wrong" if outcome.wrong else "right"]
    if outcome.lost:
        words.append(f"{outcome.lost} lost")
    if outcome.replayed:
        words.append(f"{outcome.replayed} replayed")
    if outcome.no_events:
        words.append(f"{outcome.no_events} no events")
    if outcome.peak > MANY_REQUESTS:
        words.append(f"{outcome.peak} requests in 1 s")
    return ", ".join(words)


def ending(outcome: Outcome) -> str:
    """Say how a run ended, in a clause."""
    if outcome.ended == "ended":
        return f"ended without an exception at {outcome.at:.1f} s"
    if not outcome.is_running:
        return f"{_raised(outcome)} at {outcome.at:.1f} s"
    if outcome.wrong:
        return f"running; at {outcome.at:.0f} s wrong about {outcome.wrong} objects"
    return f"running; right since {outcome.at:.1f} s"


def _raised(outcome: Outcome, *, is_short: bool = False) -> str:
    name = outcome.ended.rpartition(".")[2] if is_short else outcome.ended
    return f"raised `{name}`" + ("" if outcome.code is None else f" ({outcome.code})")


def line(outcome: Outcome) -> str:
    """Say all of one run in a line, for the terminal."""
    return (
        f"{outcome.library}: {outcome.script}: {outcome.requests} requests"
        f" (at most {outcome.peak} in 1 s), {outcome.delivered} delivered,"
        f" {outcome.replayed} replayed, {_lost(outcome)} lost, {ending(outcome)}"
    )
