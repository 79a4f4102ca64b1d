"""The watch strip: facts, then numbers, then marks, then one picture, and a widget over it.

:mod:`~kwlab.strip.facts` reads what each watcher was told; :mod:`~kwlab.strip.layout`,
:mod:`~kwlab.strip.rows` and :mod:`~kwlab.strip.plan` decide where everything stands;
:mod:`~kwlab.strip.marks`, :mod:`~kwlab.strip.rail`, :mod:`~kwlab.strip.panel` and
:mod:`~kwlab.strip.legend` draw it; :mod:`~kwlab.strip.draw` puts it together. The same plan
gives :mod:`~kwlab.strip.tables`, the sentences of :mod:`~kwlab.strip.steps`, and
:mod:`~kwlab.strip.widget`, which walks along it.
"""
