"""Universities' offices at work: the statements by which each of them writes what it has decided."""
