"""Rules on TBD."""
