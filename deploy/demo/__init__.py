"""The demo: three universities of synthetic people, their changes, a live view, and a check of every row."""
