"""Where ``kwlab`` and ``python -m kwlab`` begin: before anything slow is imported.

Until a command runs, and when it is done, Ctrl-C ends the process at once and without a word, as
it ends any other program. Python's own way is a traceback through whatever was being imported.
"""

from __future__ import annotations

# The half of `signal` that is built in: what the other half imports could be interrupted already.
import _signal as signal  # type: ignore[import-not-found]
import sys


def start(program: str = "kwlab") -> str | int | None:
    """Run the command line of this process.

    Parameters
    ----------
    program : str
        How it was started, for the usage.

    Returns
    -------
    str or int or None
        For ``sys.exit``: the exit status.
    """
    own = signal.getsignal(signal.SIGINT)
    # Who was started to ignore Ctrl-C, as a shell's background jobs are, goes on ignoring it.
    quiet = signal.SIG_DFL if own is signal.default_int_handler else own
    signal.signal(signal.SIGINT, quiet)

    from kwlab import streams

    streams.take_over()
    from kwlab.doctor import examination
    from kwlab.exits import Exit
    from kwlab.messages import say

    status: str | int | None = Exit.INTERRUPTED
    try:
        try:
            from kwlab import commands

            signal.signal(signal.SIGINT, own)
            status = commands.main(program=program)
        finally:
            signal.signal(signal.SIGINT, quiet)
    except ImportError as error:
        # A package is missing or too old: a finding with a remedy says more than a traceback.
        print(f"kwlab: {examination.explain(error)}", file=sys.stderr)
        status = Exit.FAILED
    except SystemExit as ended:
        status = ended.code
    except KeyboardInterrupt:
        pass
    if reason := streams.lost_output():
        print(say("command.output", reason=reason), file=sys.stderr)
        status = Exit.OUTPUT
    return status


if __name__ == "__main__":
    sys.exit(start("python -m kwlab"))
