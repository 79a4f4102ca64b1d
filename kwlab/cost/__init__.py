"""What a watch function costs when it reconnects: measured on a history that is made.

:mod:`~kwlab.cost.measure` makes a history of the size that is asked for and runs the functions on
it; :mod:`~kwlab.cost.picture` draws what they were handed; :mod:`~kwlab.cost.explorer` puts two
sliders in front of both.
"""
