"""Every exception that kwlab raises.

The tree::

    KwlabError
    ├── RecordingError            a recording file that cannot be used
    ├── ScenarioError             a scenario that cannot be played
    ├── LabError                  the lab was asked for something it cannot do
    │   └── UsageError            a command line that cannot be what was meant
    ├── ClusterError              a cluster that cannot be reached, or that refuses
    ├── ListOptionsError          a field that no list or watch knows
    ├── OptionError               an option of a watcher that is not what it may be
    ├── WatchFunctionError        a watch function that broke its contract
    ├── ResourceVersionError      a resourceVersion that no watch can begin at
    ├── StreamBroken              an open response that did not end cleanly; a retry loop goes on
    └── WatchEnded                a watch that cannot go on; carries where to go on from
        ├── Expired               410: the server has forgotten the resourceVersion
        ├── Denied                401 or 403: nobody will let this client in
        ├── NotFound              404: there is no such resource
        ├── ProtocolError         a line or an answer that is not the watch protocol
        ├── NoProgress            the same failure at the same resourceVersion, again and again
        └── Stalled               an open connection on which nothing came for too long
    RecordingOver                 the recording is over; a BaseException, so no loop survives it
"""

from __future__ import annotations

import functools
from typing import Any

from kwlab.frames import line_of


class KwlabError(Exception):
    """Stand at the root of everything that kwlab raises."""

    def _render_traceback_(self) -> list[str]:
        """Show in a notebook what to do, and the line of the caller's function that led here."""
        line = line_of(self.__cause__)
        return [f"{type(self).__name__}: {self}", *([f"    {line}"] if line else [])]


class RecordingError(KwlabError):
    """Refuse a recording file.

    Parameters
    ----------
    path : str
        The file.
    line : int
        The line at fault, counted from 1; 0 when the file as a whole is at fault.
    reason : str
        What was expected, and what came.
    """

    def __init__(self, path: str, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        place = f"{path}, line {line}" if line else path
        super().__init__(f"{place}: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.line, self.reason)


class ScenarioError(KwlabError):
    """Refuse a scenario that cannot be played."""


class LabError(KwlabError):
    """Refuse what the lab cannot do, with what to do instead."""


class UsageError(LabError):
    """Refuse a command line that cannot be what was meant; its exit status is no verdict."""


class ClusterError(KwlabError):
    """Say why a real cluster cannot be used, with what to do about it."""


class ListOptionsError(KwlabError, TypeError):
    """Refuse a field that no list or watch knows."""


class OptionError(KwlabError, ValueError):
    """Refuse an option of a watcher that is not what it may be, with what it takes."""


class WatchFunctionError(KwlabError):
    """Say how a watch function broke its contract, with what to write instead."""


class ResourceVersionError(KwlabError, ValueError):
    """Refuse to begin at "" or "0", which mean anywhere."""


class StreamBroken(KwlabError):
    """Say that an open response did not end cleanly.

    It passes through a generator watch function to the retry loop, which goes on from it.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    cause : object
        The :class:`kwlab.watching.resume.Cause` that the loop acts on.
    """

    def __init__(self, message: str, *, cause: object) -> None:
        super().__init__(message)
        self.cause = cause

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(type(self), cause=self.cause), self.args


class WatchEnded(KwlabError):
    """End an iteration that cannot go on.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    resource_version : str
        The resourceVersion of the last acknowledged event or bookmark: where to go on from.
    code : int or None
        The HTTP code of the Status at fault; None when there was no Status.
    """

    def __init__(self, message: str, *, resource_version: str, code: int | None = None) -> None:
        super().__init__(message)
        self.resource_version = resource_version
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        # What a worker process of a pool ends with goes to the one that waits for it.
        again = functools.partial(
            type(self), resource_version=self.resource_version, code=self.code
        )
        return again, self.args


class Expired(WatchEnded):
    """Say that the server has forgotten the resourceVersion (410): list again."""


class Denied(WatchEnded):
    """Say that the server refuses this client (401 or 403)."""


class NotFound(WatchEnded):
    """Say that the server knows no such resource (404)."""


class ProtocolError(WatchEnded):
    """Say that the server sent what is not the watch protocol."""


class NoProgress(WatchEnded):
    """Say that the same failure came again and again at one resourceVersion."""


class Stalled(WatchEnded):
    """Say that nothing came on an open connection for too long."""


class RecordingOver(BaseException):
    """End a run when its recording is over.

    It is no ``Exception``: a learner's ``while True: try … except Exception`` has to end too.
    """

    _render_traceback_ = KwlabError._render_traceback_
