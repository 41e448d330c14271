"""The network: options, numbers, methods, and its form in files."""
