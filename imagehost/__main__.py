"""`python -m imagehost`: the command line."""

from imagehost.cli import main

main()
