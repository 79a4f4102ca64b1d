"""The embedded API server: a history in, the bytes of a real kube-apiserver out."""
