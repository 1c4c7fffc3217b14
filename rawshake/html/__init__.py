"""Reports as pages: one self-contained file of HTML each, and ladders as SVG."""
