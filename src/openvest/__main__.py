"""`python -m openvest`: the command line."""

from openvest.cli.app import main

if __name__ == "__main__":
    main()
