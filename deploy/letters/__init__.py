"""`hemis dead-letters`: what could not be decoded, typed, keyed or authorised; looked at, replayed once mended, or discarded."""
