"""The command line as a module: `python -m ssinfer`."""

from ssinfer.cli import main

if __name__ == "__main__":
    main()
