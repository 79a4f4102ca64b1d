"""A small table of text, the same for eyes, ears and Markdown."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Hold a table.

    Parameters
    ----------
    heads : tuple of str
        A title a column; may be empty strings.
    rows : tuple of tuple of str
        Each as long as ``heads``.
    left : frozenset of int
        The columns that are set flush left; the others hold numbers.
    caption : str
        What it shows, for readers who cannot see what stands around it.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[int] = frozenset()
    caption: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = (self.heads, *self.rows)
        return "\n".join(self._line(cells, widths) for cells in lines)

    def __repr__(self) -> str:
        return str(self)

    def _line(self, cells: Iterable[str], widths: list[int]) -> str:
        padded = (
            cell.ljust(width) if number in self.left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "   ".join(padded).rstrip()

    def to_html(self) -> str:
        """Give an HTML table, with headers that a screen reader announces.

        Returns
        -------
        str
        """
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in self.heads)
        rows = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"

    def _row(self, cells: tuple[str, ...]) -> str:
        first, *others = (html.escape(cell) for cell in cells)
        return f'<th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others)

    def to_markdown(self) -> str:
        """Give a Markdown table.

        Returns
        -------
        str
        """
        rule = [":--" if number in self.left else "--:" for number in range(len(self.heads))]
        lines = (self.heads, tuple(rule), *self.rows)
        return "\n".join(f"| {' | '.join(map(_escaped, cells))} |" for cells in lines)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
