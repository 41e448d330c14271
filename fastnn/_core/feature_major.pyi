"""The mini-batches of narrow networks; what it has is for other compiled modules."""
