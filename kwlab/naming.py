"""What objects are called: how many of which type, and each by a name that tells it from others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from kwlab.history import History, Resource
from kwlab.messages import say
from kwlab.scope import everything

NAMES_AT_MOST = 12
"""So many names are read out; more are counted."""


def noun(number: int, resources: Sequence[Resource]) -> str:
    """Call objects by their type; objects of several types, or of none, by no more than that.

    Parameters
    ----------
    number : int
    resources : sequence of Resource

    Returns
    -------
    str
        ``pod``, ``pods``, ``objects``.
    """
    if len(resources) == 1:
        return resources[0].kind.lower() if number == 1 else resources[0].plural
    return say("noun.object" if number == 1 else "noun.objects")


def counted(number: int, resources: Sequence[Resource]) -> str:
    """Count objects by the name of their type.

    Parameters
    ----------
    number : int
    resources : sequence of Resource

    Returns
    -------
    str
        ``1 pod``, ``3 pods``, ``3 objects``.
    """
    return f"{number} {noun(number, resources)}"


def shown_names(history: History, others: Iterable[tuple[str, str, str]] = ()) -> Mapping[str, str]:
    """Name every object for people: by namespace and type too, where there are several.

    Parameters
    ----------
    history : History
    others : iterable of (str, str, str)
        Namespace, name and uid of what else may be named.

    Returns
    -------
    mapping of str to str
        By uid: ``web-1``, ``default/web-1``, ``pod/web-1``, ``default/pod/web-1``.
    """
    found = {uid: ("", namespace, name) for namespace, name, uid in others}
    for item in everything(history):
        found[item.uid] = (item.resource.kind.lower(), item.namespace, item.name)
    kinds = {kind for kind, _, _ in found.values() if kind}
    spaces = {space for _, space, _ in found.values()}
    return {
        uid: "/".join(filter(None, (space * (len(spaces) > 1), kind * (len(kinds) > 1), name)))
        for uid, (kind, space, name) in found.items()
    }


def terms_in_words(terms: Mapping[str, int], shown: Callable[[int], str] = str) -> str:
    """Write the terms of a sum: ``10 new + 7 replayed``."""
    return " + ".join(say(f"strip.{name}", count=shown(n)) for name, n in terms.items())


def name_list(names: Sequence[str]) -> str:
    """Write names for people; of very many, only the first.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    str
    """
    text = ", ".join(names[:NAMES_AT_MOST])
    more = len(names) - NAMES_AT_MOST
    return say("strip.names.more", names=text, n=more) if more > 0 else text


def listed(names: Sequence[str]) -> str:
    """Write names into a sentence: ``job-09 and web-2``.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    str
    """
    if not 2 <= len(names) <= NAMES_AT_MOST:
        return name_list(names)
    return say("strip.names.and", names=", ".join(names[:-1]), last=names[-1])
