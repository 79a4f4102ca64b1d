"""Who is tried: each library with its exact version, and the program that watches with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ADAPTERS: Final = Path(__file__).parent / "adapters"


@dataclass(frozen=True, slots=True)
class Library:
    """Describe one way to watch.

    Parameters
    ----------
    name : str
        For the page.
    adapter : str
        The program in ``adapters``.
    requirement : str
        Exactly what is installed for it; empty for kwlab, which is this checkout.
    arguments : tuple of str
        Which of the program's variants.
    """

    name: str
    adapter: str
    requirement: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """Give the name of the distribution."""
        return self.requirement.partition("==")[0] or "kwlab"

    def command(self, python: Path) -> list[str]:
        """Give the command that starts it."""
        return [str(python), str(ADAPTERS / self.adapter), *self.arguments]


KUBERNETES: Final = "kubernetes==37.0.2"
KR8S: Final = "kr8s==0.20.15"
LIGHTKUBE: Final = "lightkube==1.0.1"

LIBRARIES: Final = (
    Library("kubernetes Watch", "kubernetes_watch.py", KUBERNETES),
    Library("kubernetes Watch, in `while True`", "kubernetes_watch.py", KUBERNETES, ("loop",)),
    Library("kubernetes SharedInformer", "kubernetes_informer.py", KUBERNETES),
    Library("kubernetes.aio Watch", "kubernetes_aio.py", KUBERNETES),
    Library(
        "kubernetes_asyncio Watch", "kubernetes_asyncio_watch.py", "kubernetes_asyncio==36.1.0"
    ),
    Library("kopf", "kopf_operator.py", "kopf==1.45.2"),
    Library("kr8s", "kr8s_watch.py", KR8S),
    Library("kr8s, in `while True` with `since`", "kr8s_watch.py", KR8S, ("loop",)),
    Library("lightkube", "lightkube_watch.py", LIGHTKUBE),
    Library("lightkube, `on_error_retry`", "lightkube_watch.py", LIGHTKUBE, ("retry",)),
    Library("kwlab RetryWatcher", "kwlab_retrywatcher.py"),
    Library("kwlab RetryWatcher, `prepared`", "kwlab_retrywatcher.py", "", ("prepared",)),
    Library("kwlab Reflector", "kwlab_reflector.py"),
)
"""In the order of the page."""


def environment(library: Library, cache: Path) -> Path:
    """Make the environment of a library, unless it is there, and give its Python.

    Parameters
    ----------
    library : Library
    cache : Path
        A folder outside of the checkout.

    Returns
    -------
    Path

    Raises
    ------
    subprocess.CalledProcessError
        When it cannot be installed.
    """
    if not library.requirement:
        return Path(sys.executable)
    folder = (
        cache / f"{library.requirement}-python{sys.version_info.major}.{sys.version_info.minor}"
    )
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / ".done").exists():
        print(f"Installing {library.requirement} ...", file=sys.stderr)
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([*uv, "pip", "install", "--python", python, library.requirement], check=True)
        (folder / ".done").touch()
    return python


_VERSIONS: Final = """
import importlib.metadata, json, sys
print(json.dumps({d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}))
"""
_TRANSPORTS: Final = ("urllib3", "aiohttp", "httpx", "httpx2")


def versions(library: Library, python: Path) -> str:
    """Ask an environment for the library's version, and those of what it speaks HTTP with."""
    asked = subprocess.run([python, "-c", _VERSIONS], check=True, capture_output=True, text=True)
    found = {name.lower().replace("-", "_"): one for name, one in json.loads(asked.stdout).items()}
    # kwlab's environment is that of its tests, and has more in it.
    others = ("kubernetes", "urllib3") if library.package == "kwlab" else _TRANSPORTS
    with_others = [f"{name} {found[name]}" for name in others if name in found]
    return ", ".join([found[library.package], *with_others])
