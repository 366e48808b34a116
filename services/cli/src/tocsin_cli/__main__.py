"""`python -m tocsin_cli` is `tocsin`."""

import sys

from tocsin_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
