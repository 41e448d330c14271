"""From what users have to rows that kernels take."""
