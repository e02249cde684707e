"""The command line, `outcomes`: each command calls one function of the library and prints what it returns.

Results go to standard output; errors and progress go to standard error.
"""

from outcomes.cli.commands import app

__all__ = ["app"]
