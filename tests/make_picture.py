"""``python -m tests.make_picture`` draws README's picture from the story recording."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import kwlab
from tests import watch_functions as functions

PICTURE: Final = Path(__file__).parents[1] / "notebooks" / "images" / "pods-cut-twice.svg"


def picture() -> str:
    """Give the strip of both functions, as :meth:`WatchStrip.save` writes it."""
    lab = kwlab.open_lab()
    seen = lab.compare(wrong=functions.wrong(lab), correct=functions.correct(lab))
    return seen.strip.picture.svg() + "\n"


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
