"""What every layer uses: checks of arguments, files, optional libraries, random numbers."""
