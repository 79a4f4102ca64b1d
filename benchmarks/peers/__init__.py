"""The same faults for every Python library that watches: ``make peers``.

``scripts`` says what goes wrong, ``libraries`` who is tried and with which versions, ``cell`` runs
one library against one script and counts, ``page`` writes what came out. Each library has a small
program in ``adapters``, which runs in an environment of its own.
"""
