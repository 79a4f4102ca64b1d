"""What an option may be: checked when it is chosen, not in the middle of a watch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kwlab.errors import OptionError
from kwlab.messages import say


@dataclass(frozen=True, slots=True)
class Number:
    """Describe the numbers that an option may be; infinity is none of them.

    Parameters
    ----------
    at_least : float
        The smallest.
    is_above : bool
        Whether ``at_least`` itself is too small.
    is_whole : bool
        Whether it has to be an int.
    or_none : bool
        Whether None is a choice too.
    """

    at_least: float = 0
    is_above: bool = False
    is_whole: bool = False
    or_none: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether an option may be this.

        Parameters
        ----------
        value : object

        Returns
        -------
        bool
        """
        if value is None:
            return self.or_none
        if isinstance(value, bool) or not isinstance(value, int if self.is_whole else int | float):
            return False
        is_enough = value > self.at_least if self.is_above else value >= self.at_least
        return is_enough and math.isfinite(value)

    def __str__(self) -> str:
        kind = say("choice.whole" if self.is_whole else "choice.number")
        least = say("choice.above" if self.is_above else "choice.at_least", least=self.at_least)
        return f"{kind} {least}" + (say("choice.or_none") if self.or_none else "")


def check(options: object, **allowed: Number | type) -> None:
    """Refuse the first option that is not what it may be.

    Parameters
    ----------
    options : object
    **allowed
        By the name of the option, the numbers that it may be, or its class.

    Raises
    ------
    OptionError
        It says what the option takes.
    """
    for name, choice in allowed.items():
        value = getattr(options, name)
        if isinstance(choice, Number):
            require(options, name, str(choice), is_met=choice.allows(value))
        else:
            wanted = say("options.bool") if choice is bool else f"{choice.__name__}(...)"
            require(options, name, wanted, is_met=isinstance(value, choice))


def require(options: object, name: str, wanted: str, *, is_met: bool) -> None:
    """Refuse an option where it is not what it may be.

    Parameters
    ----------
    options : object
    name : str
        Of the option.
    wanted : str
        What it takes, in words.
    is_met : bool
        Whether it is that.

    Raises
    ------
    OptionError
        When it is not.
    """
    if not is_met:
        value, owner = repr(getattr(options, name)), type(options).__name__
        raise OptionError(say("choice.refused", owner=owner, name=name, value=value, wanted=wanted))
