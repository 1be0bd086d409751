"""Fill the missing part of a song, and touch nothing else."""
