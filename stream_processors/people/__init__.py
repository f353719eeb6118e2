"""PEOPLE: one golden person out of many institutions' claims."""
