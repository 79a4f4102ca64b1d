"""What a list answers: its bytes to a page, and its items to the events of a watch's beginning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from kwlab.wire.events import EventType, WatchEvent


class _ListMetadata(msgspec.Struct, rename={"resource_version": "resourceVersion"}):
    resource_version: str = ""
    token: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMetadata
    # Go writes null for a list that was never made; what has no items at all is no list.
    items: list[msgspec.Raw] | None


_decode_list = msgspec.json.Decoder(_List).decode


@dataclass(frozen=True, slots=True)
class ListPage:
    """Hold one page of a list, its items as the server sent them.

    Parameters
    ----------
    resource_version : str
        The list's own, from which to watch; empty when the server named none.
    token : str
        The ``continue`` of the next page; empty on the last one.
    items : tuple of bytes
        An object each, without ``kind`` and ``apiVersion``: the items of a list carry neither.
    """

    resource_version: str
    token: str
    items: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, body: bytes) -> ListPage:
        """Read the body of an answer.

        Parameters
        ----------
        body : bytes
            One JSON object.

        Returns
        -------
        ListPage

        Raises
        ------
        ValueError
            When it is not a list.
        """
        try:
            raw = _decode_list(body)
        except RecursionError as error:
            raise ValueError(str(error)) from error
        # A Raw is a view of the whole body: a copy lets go of what is no object.
        items = tuple(bytes(item) for item in raw.items or ())
        return cls(raw.metadata.resource_version, raw.metadata.token, items)

    def events(self) -> Iterator[WatchEvent]:
        """Give the items as a watch would begin with them: each ADDED, in the list's order.

        Yields
        ------
        WatchEvent

        Raises
        ------
        ValueError
            When an item is no object.
        """
        for item in self.items:
            yield WatchEvent(b'{"type":"%s","object":%s}' % (EventType.ADDED.encode(), item))
