"""What the commands say and give back when they are interrupted, and what a terminal is shown."""

from __future__ import annotations

import socket
import threading

import pytest

from kwlab import history, lab
from kwlab.commands import _watch_clients, main
from kwlab.server.serve import Served


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("kwlab.commands", ["clean"]),
        (
            "kwlab.recorder.command",
            ["record", "--resource", "pods", "--seconds", "1", "--output", "a.jsonl"],
        ),
    ],
)
def test_an_interrupted_command_reports_no_success(
    place: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was removed or recorded: 130 is what a shell says of Ctrl-C."""

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"{place}.connect", interrupt)
    assert 130 == main([*arguments, "--context", "c"])


def test_a_path_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What a client asks for is shown without what a terminal would obey."""
    past = history.from_recording(lab.load(lab.STORY))
    with Served(past, (), speed=1000.0, port=0) as served:
        watching = threading.Thread(target=_watch_clients, args=(served,), daemon=True)
        watching.start()
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(
                b"GET /api/v1/namespaces/%1b%5b31mred/pods HTTP/1.1\r\n"
                + f"Host: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
            )
            while client.recv(10_000):
                pass
        watching.join(10)
        assert not watching.is_alive()
    shown = capsys.readouterr().out
    assert "red/pods" in shown
    assert "\x1b" not in shown
