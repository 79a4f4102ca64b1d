"""The marks of a watch strip, its colours, and a canvas that keeps text from touching text.

No ids, patterns, markers, clip paths, CSS variables or scripts: many strips may stand in one
page, and every renderer draws the same.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args
from xml.sax.saxutils import escape, quoteattr

from kwlab.calls import choice, is_number
from kwlab.errors import LabError
from kwlab.messages import say
from kwlab.wire import EventType

Colours: TypeAlias = Literal["auto", "light", "dark", "grey", "jupyter"]

FONT: Final = (
    "system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif"
)
EM: Final = 0.58
"""The width of a character over the size of its font; nothing is measured."""
BOLD_EM: Final = 0.64

PALETTES: Final[Mapping[str, Mapping[str, str]]] = {
    "light": {
        "card": "#ffffff", "edge": "#d5dae0", "on": "#ebf0f4", "ink": "#1a1a1a",
        "soft": "#595959", "rule": "#b4bbc2", "blue": "#0072B2", "bar": "#a3c9e2",
        "red": "#D55E00", "redtext": "#A84300", "column": "#fbe0cf",
    },
    "dark": {
        "card": "#15191d", "edge": "#3a424a", "on": "#262e36", "ink": "#f0f0f0",
        "soft": "#b3bbc2", "rule": "#5c666f", "blue": "#56B4E9", "bar": "#2d5f80",
        "red": "#F0803C", "redtext": "#F79A62", "column": "#54301c",
    },
    "grey": {
        "card": "#ffffff", "edge": "#dadada", "on": "#efefef", "ink": "#1a1a1a",
        "soft": "#595959", "rule": "#bababa", "blue": "#555555", "bar": "#c4c4c4",
        "red": "#6b6b6b", "redtext": "#404040", "column": "#e2e2e2",
    },
}  # fmt: skip
"""Colours by palette and role: Okabe-Ito blue and vermillion, and greys."""

_RULES: Final = (
    (".card", "fill:{card};stroke:{edge}"),
    (".on", "fill:{on}"),
    (".ink", "fill:{ink}"),
    (".soft", "fill:{soft}"),
    (".in", "fill:{card}"),
    (".vt", "fill:{redtext}"),
    (".bt", "fill:{blue}"),
    (".col", "fill:{column}"),
    (".band", "fill:{bar}"),
    (".rule", "stroke:{rule};fill:none"),
    (".b", "fill:{blue};stroke:{blue}"),
    (".bm", "fill:{blue};stroke:{card}"),
    (".km", "fill:{ink};stroke:{card}"),
    (".bl", "stroke:{blue};fill:none"),
    (".cl", "stroke:{card};fill:none"),
    (".v", "stroke:{red};fill:none"),
    (".vf", "fill:{red}"),
    (".vo", "stroke:{red};fill:{card}"),
    (".k", "fill:{ink};stroke:{ink}"),
    (".kl", "stroke:{ink};fill:none"),
    (".g", "fill:{soft};stroke:{soft}"),
    (".veil", "fill:{card};fill-opacity:.76"),
)

LETTER: Final = {EventType.ADDED: "A", EventType.MODIFIED: "M", EventType.DELETED: "D"}


def style(colours: Colours) -> str:
    """Write the style element.

    Parameters
    ----------
    colours : str
        ``auto`` follows the reader's preference, ``jupyter`` the theme of JupyterLab.

    Returns
    -------
    str
    """
    root = f".kwstrip-{colours}"
    if colours == "auto":
        dark = _rules(root, "dark")
        return f"<style>{_rules(root, 'light')}@media(prefers-color-scheme:dark){{{dark}}}</style>"
    if colours == "jupyter":
        dark = _rules(f'[data-jp-theme-light="false"] {root}', "dark")
        return f"<style>{_rules(root, 'light')}{dark}</style>"
    return f"<style>{_rules(root, colours)}</style>"


def _rules(root: str, palette: str) -> str:
    return "".join(f"{root} {name}{{{rule.format(**PALETTES[palette])}}}" for name, rule in _RULES)


def frame(
    body: str,
    size: tuple[float, float],
    attributes: str,
    *,
    width: int | None = None,
    colours: Colours = "jupyter",
) -> str:
    """Put elements into an SVG.

    Parameters
    ----------
    body : str
    size : tuple of float
        Width and height in which the elements stand.
    attributes : str
        Of the root, further to its size.
    width : int or None
        In pixels; the picture is scaled. None fills what it stands in.
    colours : str

    Returns
    -------
    str
    """
    choice("colours", colours, get_args(Colours))
    wide, high = size
    place = ' style="display:block"'
    if width is not None:
        if not is_number(width):
            raise LabError(say("call.width", value=repr(width)))
        place = f' width="{width}" height="{number(high * width / wide)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(wide)} {number(high)}"'
        f'{place} font-family="{FONT}" {attributes}>{style(colours)}'
        f'<g class="kwstrip-{colours}">{body}</g></svg>'
    )


def figure(svg: str, alt: str, folded: str, *, width: tuple[int, int]) -> str:
    """Set a picture as an image with alt text, and tables behind a fold.

    Parameters
    ----------
    svg : str
    alt : str
    folded : str
        The tables, as HTML.
    width : tuple of int
        The least, below which it scrolls, and the largest, in pixels.

    Returns
    -------
    str
    """
    data = base64.b64encode(svg.encode()).decode()
    least, largest = width
    image = (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(alt)}" '
        f'style="width:100%;min-width:{least}px;max-width:{largest}px;height:auto">'
    )
    # Or R, M and X would reach the learner's cell from the scrolled picture.
    named = f'tabindex="0" role="region" aria-label="{html.escape(say("strip.scroll"))}"'
    region = f'{named} data-lm-suppress-shortcuts="true"'
    scroll = f'<div style="overflow-x:auto" {region}>{image}</div>'
    return f'<figure style="margin:0;overflow-x:auto">{scroll}{fold(folded)}</figure>'


def fold(tables: str) -> str:
    """Set tables behind a fold.

    Parameters
    ----------
    tables : str
        HTML.

    Returns
    -------
    str
    """
    # Or R, M and X would reach the learner's cell from the open fold.
    quiet = 'data-lm-suppress-shortcuts="true"'
    summary = f"<summary {quiet}>{html.escape(say('strip.table.open'))}</summary>"
    return f"<details>{summary}{tables}</details>"


def number(value: float) -> str:
    """Write a coordinate, to 0.1.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
    """
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Estimate the width of a text.

    Parameters
    ----------
    text : str
    size : float
        Of the font, in pixels.
    is_bold : bool

    Returns
    -------
    float
        In pixels.
    """
    return len(text) * size * (BOLD_EM if is_bold else EM)


class Canvas:
    """Collect elements, and know where text stands."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._taken: list[tuple[float, float, float, float]] = []

    def add(self, tag: str, attributes: str, title: str = "") -> None:
        """Add one element.

        Parameters
        ----------
        tag : str
        attributes : str
            Ready to stand in the tag.
        title : str
            What it says of itself.
        """
        if title:
            self.parts.append(f"<{tag} {attributes}><title>{escape(title)}</title></{tag}>")
        else:
            self.parts.append(f"<{tag} {attributes}/>")

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        kind: str,
        *,
        extra: str = "",
        title: str = "",
    ) -> None:
        """Add a rectangle.

        Parameters
        ----------
        x, y, width, height : float
        kind : str
            The class that colours it.
        extra : str
            Further attributes.
        title : str
        """
        n = number
        place = f'x="{n(x)}" y="{n(y)}" width="{n(max(0, width))}" height="{n(max(0, height))}"'
        self.add("rect", f'{place} class="{kind}"{extra}', title)

    def path(
        self,
        shape: str,
        kind: str,
        width: float | None = None,
        *,
        dash: str = "",
        title: str = "",
    ) -> None:
        """Add a path.

        Parameters
        ----------
        shape : str
            Its ``d``.
        kind : str
            The class that colours it.
        width : float, optional
            Of the stroke.
        dash : str
            The pattern of the stroke.
        title : str
        """
        stroke = "" if width is None else f' stroke-width="{number(width)}"'
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.add("path", f'd="{shape}" class="{kind}"{stroke}{dashed}', title)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        kind: str = "soft",
        size: float = 12,
        *,
        anchor: str = "start",
        is_bold: bool = False,
        title: str = "",
    ) -> None:
        """Add a text, wherever it stands.

        Parameters
        ----------
        x, y : float
            Of its anchor, on the base line.
        text : str
        kind : str
            The class that colours it.
        size : float
            Of the font.
        anchor : str
            ``start``, ``middle`` or ``end``.
        is_bold : bool
        title : str
        """
        self._taken.append(_box(x, y, text, size, anchor, is_bold))
        self.parts.append(_text(x, y, text, kind, size, anchor, is_bold, title))

    def letter(self, x: float, y: float, text: str, kind: str, size: float) -> None:
        """Add the letter of a mark, which stands inside it.

        Parameters
        ----------
        x, y : float
        text, kind : str
        size : float
        """
        self.parts.append(_text(x, y, text, kind, size, "middle", True, ""))

    def label(
        self,
        x: float,
        y: float,
        variants: Sequence[str],
        kind: str = "soft",
        size: float = 12,
        *,
        anchor: str = "start",
        is_bold: bool = False,
        low: float = 0.0,
        high: float = 1000.0,
        title: str = "",
    ) -> bool:
        """Add the first of some texts that fits and touches no other.

        Parameters
        ----------
        x, y : float
        variants : sequence of str
            The longest first.
        kind : str
        size : float
        anchor : str
        is_bold : bool
        low, high : float
            Between which it must stand.
        title : str

        Returns
        -------
        bool
            Whether one fitted.
        """
        for text in variants:
            box = _box(x, y, text, size, anchor, is_bold)
            if box[0] >= low - 0.5 and box[2] <= high + 0.5 and self.is_free(box):
                self.text(x, y, text, kind, size, anchor=anchor, is_bold=is_bold, title=title)
                return True
        return False

    def is_free(self, box: tuple[float, float, float, float]) -> bool:
        """Tell whether no text touches a box.

        Parameters
        ----------
        box : tuple of float
            Left, top, right, bottom.

        Returns
        -------
        bool
        """
        left, top, right, bottom = box
        return not any(
            left < r + 3 and right > l - 3 and top < b and bottom > t
            for l, t, r, b in self._taken  # noqa: E741
        )

    def block(self, left: float, top: float, right: float, bottom: float) -> None:
        """Keep labels out of a box.

        Parameters
        ----------
        left, top, right, bottom : float
        """
        self._taken.append((left, top, right, bottom))


def _box(
    x: float, y: float, text: str, size: float, anchor: str, is_bold: bool
) -> tuple[float, float, float, float]:
    width = text_width(text, size, is_bold=is_bold)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, y - 0.78 * size, left + width, y + 0.22 * size


def _text(
    x: float, y: float, text: str, kind: str, size: float, anchor: str, is_bold: bool, title: str
) -> str:
    place = f'x="{number(x)}" y="{number(y)}" class="{kind}" font-size="{number(size)}"'
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    weight = ' font-weight="700"' if is_bold else ""
    said = f"<title>{escape(title)}</title>" if title else ""
    return f"<text {place}{anchored}{weight}>{escape(text)}{said}</text>"


def shape(canvas: Canvas, change: EventType, x: float, y: float, r: float, kind: str,
          *, width: float | None = None, dash: str = "", title: str = "") -> None:  # fmt: skip
    """Add the shape of a change: a circle, a triangle or a square.

    Parameters
    ----------
    canvas : Canvas
    change : EventType
    x, y : float
    r : float
    kind : str
        The class that colours it.
    width : float, optional
        Of the stroke.
    dash : str
    title : str
    """
    n = number
    stroke = "" if width is None else f' stroke-width="{n(width)}"'
    extra = stroke + (f' stroke-dasharray="{dash}"' if dash else "")
    if change is EventType.ADDED:
        place = f'cx="{n(x)}" cy="{n(y)}" r="{n(r)}" class="{kind}"{extra}'
        canvas.add("circle", place, title)
    elif change is EventType.DELETED:
        half = 0.92 * r
        canvas.rect(x - half, y - half, 2 * half, 2 * half, kind, extra=extra, title=title)
    else:
        half, top, bottom = 1.15 * r, y - 1.15 * r, y + 0.9 * r
        outline = f"M{n(x)} {n(top)}L{n(x + half)} {n(bottom)}H{n(x - half)}Z"
        canvas.add("path", f'd="{outline}" class="{kind}"{extra}', title)


def lettered(canvas: Canvas, change: EventType, x: float, y: float, r: float, kind: str) -> None:
    """Add the letter of a change to its shape.

    Parameters
    ----------
    canvas : Canvas
    change : EventType
    x, y : float
        Of the shape.
    r : float
    kind : str
        The class that colours it.
    """
    drop = 0.55 if change is EventType.MODIFIED else 0.43
    size = 1.0 * r if change is EventType.MODIFIED else 1.15 * r
    canvas.letter(x, y + drop * r, LETTER.get(change, "?"), kind, max(12.0, size))


def cross(canvas: Canvas, x: float, y: float, arm: float, width: float, title: str = "",
          *, has_halo: bool = False) -> None:  # fmt: skip
    """Add the cross of what was sent again.

    Parameters
    ----------
    canvas : Canvas
    x, y : float
    arm : float
        Half of its width.
    width : float
        Of the stroke.
    title : str
    has_halo : bool
        Whether it stands on a bar, where it would be hard to see.
    """
    n, d = number, number(2 * arm)
    outline = f"M{n(x - arm)} {n(y - arm)}l{d} {d}m0 -{d}l-{d} {d}"
    if has_halo:
        canvas.path(outline, "cl", width + 2.2)
    canvas.path(outline, "v", width, title=title)


def attribute(text: str) -> str:
    """Quote a text for an attribute.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        With its quotes.
    """
    return quoteattr(text)
