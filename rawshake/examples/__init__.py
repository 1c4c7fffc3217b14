"""Scripts for ``rawshake play`` to begin with, each a file to copy; ``PEER`` names the kind of server it is for."""
