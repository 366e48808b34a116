"""`tocsin dead-letters`: what was refused and why; send it again after the fix."""
