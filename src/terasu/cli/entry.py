"""Where every command begins and ends: errors in four parts, Ctrl-C, exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from terasu.errors import TerasuError

OK, ERROR, BLOCKED, STOPPED = 0, 2, 4, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 a verdict was reached (PASS or REVIEW) or the command did its work; 2 an error, nothing was
        written; 4 BLOCK; 130 stopped by Ctrl-C or a polite kill, nothing was left half written.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        with _polite_kill():
            return _dispatch(words)
    except TerasuError as error:
        _tell(error, as_json=as_json)
        return ERROR
    except KeyboardInterrupt:
        _tell_stopped(as_json=as_json)
        return STOPPED
    except SystemError as error:
        if not _from_ctrl_c(error):
            raise
        _tell_stopped(as_json=as_json)
        return STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except MemoryError:
        _tell(_too_large(), as_json=as_json)
        return ERROR


def _dispatch(words: list[str]) -> int:
    from cyclopts import CycloptsError

    from terasu.cli.commands import app

    try:
        code = app(words, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return ERROR
    return code if isinstance(code, int) else OK


def _from_ctrl_c(error: BaseException | None) -> bool:
    """Whether a Ctrl-C is at the bottom of it: compiled kernels hand it on as SystemError, once or more."""
    while isinstance(error, SystemError):
        error = error.__cause__
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def _polite_kill() -> Iterator[None]:
    """A SIGTERM ends a command the way Ctrl-C does, so that nothing is left half written."""

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: somebody else minds the signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _too_large() -> TerasuError:
    return TerasuError(
        "This case does not fit into the memory of this machine.",
        got="the machine refused more memory",
        expected="about 4 GiB for a case of usual size",
        todo="Close other programs, or choose a coarser dose grid with --dose-grid 4.",
    )


def _tell(error: TerasuError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(error.as_dict(), ensure_ascii=False, indent=1))
    else:
        print(f"terasu: {error.as_text()}", file=sys.stderr)


def _tell_stopped(*, as_json: bool) -> None:
    words = "Stopped. Nothing was left half written."
    if as_json:
        print(json.dumps({"error": "Stopped", "what": words}))
    else:
        print(f"\nterasu: {words}", file=sys.stderr)
