"""What the verbs share: types of arguments, one-line errors, progress, the last line."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from mammomap.errors import ConfigError, MammomapError

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)


class Shard(click.ParamType):
    """`i/n`: every n-th film, beginning at the i-th, counted from 1."""

    name = "shard"

    def convert(self, value, param, ctx) -> tuple[int, int]:
        """The two numbers."""
        if isinstance(value, tuple):
            return value
        first, slash, count = str(value).partition("/")
        if not (slash and first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
            self.fail(f"{value!r}: wanted I/N with I from 1 to N, e.g. 2/8", param, ctx)
        return int(first), int(count)


SHARD = Shard()


def one_line_errors(verb: Callable) -> Callable:
    """A fault of the input becomes one line on stderr and exit code 1."""

    @functools.wraps(verb)
    def wrapped(*args, **kwargs):
        try:
            return verb(*args, **kwargs)
        except MammomapError as error:
            click.echo(f"mammomap: {error}", err=True)
            sys.exit(1)
        except BrokenPipeError:  # click ends quietly where the reader of our output has gone
            raise
        except OSError as error:
            click.echo(f"mammomap: {_of_file(error)}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("mammomap: stopped; the same command goes on from here", err=True)
            sys.exit(130)

    return wrapped


def _of_file(error: OSError) -> str:
    """What the system says of a file or folder, in one line."""
    told = f"{error.filename}: {error.strerror}" if error.filename is not None and error.strerror else str(error)
    return " ".join(told.split())


def progress_bar(items: Iterable, **how) -> Iterable:
    """A bar on stderr, on a terminal only."""
    from tqdm import tqdm

    return tqdm(items, disable=None, **how)


def say_done(done: bool, text: str) -> None:
    click.echo(text if done else f"nothing to do: {text}")


def named(pairs: Iterable[str], what: str) -> list[tuple[str, str]]:
    """`NAME=VALUE` words, split."""
    found = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise click.UsageError(f"{pair!r}: wanted NAME={what}")
        found.append((name, value))
    return found


def json_file(path: Path) -> dict:
    import json

    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: wanted a JSON object of settings")
    return values
