"""``python -m reconciler``: the command line, for where the script is not on the path."""

from reconciler.cli.main import main

if __name__ == "__main__":
    main()
