"""The table of checks, and the examination that gives a line for each.

Whatever is missing or broken is what the checks are there to find: none imports what may be
missing before it runs, and one that raises is a finding too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from kwlab.doctor import cluster, installation, kernel, story
from kwlab.doctor.findings import Finding, Level, problem
from kwlab.errors import KwlabError
from kwlab.messages import say


@dataclass(frozen=True, slots=True)
class Check:
    """Describe one check.

    Parameters
    ----------
    name : str
        Of its sentences in the catalogue.
    run : callable
        Looks, given the context that was named; empty when none was.
    after : str
        Without the ok of this check there is nothing to look at; empty for none.
    """

    name: str
    run: Callable[[str], Finding]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what one check found, under its name.

    Parameters
    ----------
    check : str
    finding : Finding
    """

    check: str
    finding: Finding

    def __str__(self) -> str:
        level, name = say(f"doctor.{self.finding.level}"), say(f"doctor.{self.check}")
        return say("doctor.line", level=level, name=name, said=self.finding.said)


CHECKS: Final = (
    Check("python", installation.python),
    Check("packages", installation.packages),
    Check("notebooks", installation.notebooks),
    Check("compare", story.compare),
    Check("loopback", installation.loopback),
    Check("jupyterlab", installation.jupyterlab),
    Check("front_end", installation.front_end, after="jupyterlab"),
    Check("kernel", kernel.kernel),
    Check("widgets", kernel.widgets, after="kernel"),
)
"""What is looked at on every machine, in order."""

CLUSTER_CHECKS: Final = (
    Check("cluster", cluster.cluster),
    Check("permissions", cluster.permissions, after="cluster"),
    Check("namespace", cluster.namespace, after="permissions"),
)
"""What is looked at besides, where a cluster was named."""

ESSENTIAL: Final = CHECKS[:2]
"""What can be looked at where kwlab itself cannot be imported."""


def examine(context: str = "") -> Iterator[Line]:
    """Run the checks.

    Parameters
    ----------
    context : str
        Of a cluster, which is asked and not changed; empty for none.

    Yields
    ------
    Line
        As soon as it is known. A check is left out where an earlier line has said why.
    """
    return _examine(CHECKS + CLUSTER_CHECKS if context else CHECKS, context)


def explain(error: ImportError) -> str:
    """Say why kwlab cannot start, and what is wrong with what is installed.

    Parameters
    ----------
    error : ImportError

    Returns
    -------
    str
        A line for the error, and one for each finding.
    """
    return "\n".join((say("doctor.incomplete", reason=error), *map(str, _examine(ESSENTIAL, ""))))


def _examine(checks: Iterable[Check], context: str) -> Iterator[Line]:
    well: set[str] = {""}
    for check in checks:
        if check.after in well:
            line = Line(check.name, _found(check, context))
            if line.finding.level is Level.OK:
                well.add(check.name)
            yield line


def _found(check: Check, context: str) -> Finding:
    try:
        return check.run(context)
    except KwlabError as error:
        # It says already what to do.
        return Finding(Level.PROBLEM, str(error))
    except Exception as error:
        # Nobody knows beforehand what a broken installation raises, and a traceback is no remedy.
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return problem("failed", reason=reason, remedy=say(f"doctor.{check.name}.remedy"))
