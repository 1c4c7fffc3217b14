"""What ``verify`` does to a target: the catalogue of probes, and the grid of states, segments and numbers."""
