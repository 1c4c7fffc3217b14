"""What scripts and tests import in place of the command line, and what both are built on."""
