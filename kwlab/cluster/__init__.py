"""A real cluster behind the same face: kind, or any other that a kubeconfig has a context for."""
