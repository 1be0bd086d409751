"""`python -m arranger` is `arranger`."""

from arranger.cli import main

main()
