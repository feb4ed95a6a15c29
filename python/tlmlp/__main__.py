"""``python -m tlmlp``: the command line."""

from tlmlp.cli.main import main

main()
