"""Judging a watch function: it is tried, its log is held against properties, the cause is named.

:mod:`~kwlab.judging.properties` says what a log must show, :mod:`~kwlab.judging.trials` what a
function is tried on, :mod:`~kwlab.judging.misconceptions` what may lie behind a broken property,
:mod:`~kwlab.judging.bounded` keeps a function that never ends from going on for ever, and
:mod:`~kwlab.judging.judge` puts it together. Of a client in another language only what a server
saw is known: :mod:`~kwlab.judging.chains` makes a log of it, and :mod:`~kwlab.judging.clients`
judges that.
"""
