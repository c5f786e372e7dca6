"""``python -m sleepdask``: the command line where the script is not on the path."""

from sleepdask.cli import main

main()
