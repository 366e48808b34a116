"""`tocsin subscribe`: alerts as they come, from the Redis stream."""
