"""Everything that can be wrong with a user's input, as one tree of errors.

    MammomapError
    ├── ImageError    a film or a map that cannot be used
    ├── TableError    a table with missing columns, rows or values
    ├── ConfigError   settings that do not go together, or other settings than those a folder was made with
    ├── ModelError    a run, a head or a model file that cannot be loaded
    ├── DownloadError files that did not arrive
    └── LeakError     a woman on two sides

The command line turns these into one line and exit code 1; anything else is a bug and keeps its traceback.
A message says where, what was found, what was wanted, and what to do next.
"""


class MammomapError(Exception):
    """Base of all errors that a user can mend."""


class ImageError(MammomapError):
    """A film or a map that cannot be used."""


class TableError(MammomapError):
    """A table that lacks columns, rows or values."""


class ConfigError(MammomapError):
    """Settings that contradict each other, or the folder that they are used on."""


class ModelError(MammomapError):
    """A run, head or model file that cannot be loaded."""


class LeakError(MammomapError):
    """A woman would stand on two sides of a split."""


class DownloadError(MammomapError):
    """Files that did not arrive, or not whole."""
