"""``python -m rawshake``."""

from rawshake.cli import main

main()
