"""Record a real cluster: what exists, what changes and when, and what watch loops were sent."""
