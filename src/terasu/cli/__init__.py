"""The command line: `terasu run patient --out result`, and what stands around it."""

from terasu.cli.entry import main

__all__ = ["main"]
