"""What is timed, and how other libraries come through the same faults: no tests of kwlab."""
