"""MATCHER: who may be the same person over institutions, where no number decides it; people decide."""
