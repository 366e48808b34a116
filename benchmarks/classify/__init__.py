"""Measures how fast articles are classified, side by side: `python -m benchmarks.classify`."""
