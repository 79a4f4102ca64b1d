"""What kwlab's widgets share: a view in the browser, beside text and HTML.

A view is two files of the same name, ``.js`` and ``.css``. Its ``fixed`` half is drawn once; what
a step replaces is its ``state``, and never what has the focus. No letter keys: those belong to the
notebook, and from a plain widget they reach the learner's cell (R, M and X change or delete it).
That takes an attribute on the control itself, hence anywidget, and ``view.js``, which stands in
front of every view.
"""

from __future__ import annotations

import abc
import html as markup
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kwlab.errors import LabError
from kwlab.extra import require

if TYPE_CHECKING:
    from anywidget import AnyWidget

VIEW: Final = "application/vnd.jupyter.widget-view+json"


class Viewed(abc.ABC):
    """Be moved by code and from a view, maybe on two threads: one move after the other.

    A view says which turn it has seen. Whenever code moves there is a new one, and what was asked
    for before that is out of date, however late it comes: after ``go_to()`` the next line of the
    cell finds what it has gone to.
    """

    _part: ClassVar[Path]
    """The view's file, with any suffix."""

    def __init__(self) -> None:
        self._view: AnyWidget | None = None
        self._moving = threading.RLock()
        """Held by whoever moves, or tells where it is."""
        self._turn = 0
        self._is_heard = False

    @abc.abstractmethod
    def _fixed(self) -> dict[str, Any]:
        """Give what never changes."""

    @abc.abstractmethod
    def _state(self) -> dict[str, Any]:
        """Give what is shown now."""

    @abc.abstractmethod
    def _hear(self, message: Mapping[str, Any]) -> None:
        """Do what the view asks for."""

    @property
    def widget(self) -> AnyWidget:
        """Give the widget, made when it is first asked for; always the same one."""
        with self._moving:
            if self._view is None:
                state = {**self._state(), "turn": self._turn}
                self._view = _view_class(self._part)(fixed=self._fixed(), state=state)
                self._view.on_msg(lambda _widget, message, _buffers: self._receive(message))
            return self._view

    def _show(self) -> None:
        """Show the state after a move."""
        self._turn += not self._is_heard
        if self._view is not None:
            self._view.set_trait("state", {**self._state(), "turn": self._turn})

    def _receive(self, message: Mapping[str, Any]) -> None:
        with self._moving:
            if message.get("turn", self._turn) == self._turn:
                self._is_heard = True
                try:
                    self._hear(message)
                finally:
                    self._is_heard = False


def bundle(text: str, html: str, widget: Callable[[], AnyWidget]) -> dict[str, Any]:
    """Give the faces of something that has a widget.

    Parameters
    ----------
    text, html : str
        What nbval compares, and readers see where no kernel is.
    widget : callable
        Called in a kernel only: elsewhere nobody could answer the view.

    Returns
    -------
    dict
        By mime type. In a kernel without anywidget the HTML ends with what to install.
    """
    shown: dict[str, Any] = {"text/plain": text, "text/html": html}
    if is_in_kernel():
        try:
            model = widget().model_id
        except LabError as error:
            shown["text/html"] += f"<p>{markup.escape(str(error))}</p>"
        else:
            shown[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": model}
    return shown


def is_in_kernel() -> bool:
    """Tell whether this is a notebook's kernel.

    Returns
    -------
    bool
    """
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return hasattr(shell, "kernel")


@cache
def _view_class(part: Path) -> type[AnyWidget]:
    """Make the class when it is first needed: to import anywidget takes as long as all of kwlab."""
    require("anywidget")
    import anywidget
    import traitlets

    shared = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    own = part.with_suffix(".js").read_text(encoding="utf-8")

    class View(anywidget.AnyWidget):
        """Hold what the view in the browser shows."""

        _esm = shared + own
        _css = part.with_suffix(".css").read_text(encoding="utf-8")
        fixed = traitlets.Dict().tag(sync=True)
        state = traitlets.Dict().tag(sync=True)

    # anywidget keeps one style for each class name: the later view would undress the earlier.
    View.__name__ = f"View_{part.parent.name}_{part.stem}"
    return View
