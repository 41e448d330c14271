"""The training loop and what it is told, records and stops by."""
