"""`python -m mammomap` and the `mammomap` command."""

from mammomap.cli import main

if __name__ == "__main__":
    main()
