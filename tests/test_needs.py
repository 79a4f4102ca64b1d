"""A test that needs a missing tool is skipped by name, and fails where nothing may be missing."""

from __future__ import annotations

import pytest

from tests import conftest


def test_a_missing_tool_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a developer's machine the reason names the tool."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs chromium, which is not on this machine"):
        conftest.refuse("chromium")


def test_a_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI a skip would hide a broken set-up."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs chromium"):
        conftest.refuse("chromium")


def test_a_tool_goes_by_the_names_that_it_has_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first name that is found counts; none found is None."""
    monkeypatch.setattr("shutil.which", {"google-chrome": "/opt/chrome"}.get)
    assert "/opt/chrome" == conftest.tool("chromium")
    assert conftest.tool("git") is None
