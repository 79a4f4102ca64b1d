"""What kwlab's widgets share: a view in the browser, beside text and HTML.

A view is two files of the same name, ``.js`` and ``.css``. Its ``fixed`` half is drawn once; what
a step replaces is its ``state``, and never what has the focus. No letter keys: those belong to the
notebook, and from a plain widget they reach the learner's cell (R, M and X change or delete it).
That takes an attribute on the control itself, hence anywidget, and ``view.js``, which stands in
front of every view.
"""

from __future__ import annotations

import html as markup
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kwlab.errors import LabError
from kwlab.extra import require

if TYPE_CHECKING:
    from anywidget import AnyWidget

VIEW: Final = "application/vnd.jupyter.widget-view+json"

Hear: TypeAlias = Callable[[Mapping[str, Any]], None]
"""What is called with each message of a view."""


def open_view(
    part: Path, *, fixed: Mapping[str, Any], state: Mapping[str, Any], hear: Hear
) -> AnyWidget:
    """Make a widget.

    Parameters
    ----------
    part : Path
        The view's file, with any suffix.
    fixed : mapping
        What never changes.
    state : mapping
        What it shows at first; set the trait ``state`` to show something else.
    hear : callable
        Does what the view asks for.

    Returns
    -------
    AnyWidget
    """
    widget = _view_class(part)(fixed=dict(fixed), state=dict(state))
    widget.on_msg(lambda _widget, message, _buffers: hear(message))
    return widget


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
