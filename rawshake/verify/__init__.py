"""Runs probes against a target: many at once over one link, and none of them more than the target can bear."""
