"""Results of a long work, one a line, so that it can be broken off and taken up again.

A line is written whole and flushed; a line that was cut short by a crash is not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

from terasu.errors import OutputError
from terasu.patient.store import write_whole

Work = Callable[[Any], Any]


class Ledger:
    """A file of lines ``{"key": …, "of": …, "result": …}``.

    Args:
        path: the file; None: nothing is kept.
        key: what the results depend on; lines with another key are not read.
    """

    def __init__(self, path: Path | None, key: str) -> None:
        self.path, self.key = path, key
        self.results: dict[Hashable, Any] = {}
        for line in _lines(path):
            if line.get("key") == key:
                self.results[_hashable(line["of"])] = line["result"]

    def add(self, of: Any, result: Any) -> None:
        """Write one result.

        Raises:
            OutputError: the disk refuses.
        """
        self.results[_hashable(of)] = result
        if self.path is None:
            return
        line = json.dumps({"key": self.key, "of": of, "result": result})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                file.seek(0, os.SEEK_END)
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # the line before was cut short
                        line = "\n" + line
                file.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(
                "A result could not be kept; what was there before is untouched.",
                got=f"{error.strerror or error} ({self.path})",
                expected="a folder with room and permission to write",
            ) from error

    def fill(
        self, tasks: Sequence[Any], work: Work, workers: int, advance: Callable[[int, int], None]
    ) -> list[Any]:
        """Do what is not yet done, keep each result as it comes, and return all in the order of ``tasks``.

        Args:
            work: from a task to a result that JSON can hold.
            workers: processes side by side; the results do not depend on it.
            advance: called with (done, all).
        """
        missing = [one for one in tasks if _hashable(one) not in self.results]
        done = len(tasks) - len(missing)
        advance(done, len(tasks))
        for task, result in _each(missing, work, workers):
            self.add(task, result)
            done += 1
            advance(done, len(tasks))
        return [self.results[_hashable(one)] for one in tasks]


def write_json(path: Path, content: Any) -> None:
    """A JSON file that appears whole, the same bytes for the same content.

    Raises:
        OutputError: the disk refuses.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    def write(aside: Path) -> None:
        aside.write_text(text, encoding="utf-8")

    write_whole(path, write)


def _each(tasks: Sequence[Any], work: Work, workers: int) -> Iterator[tuple[Any, Any]]:
    if workers <= 1 or len(tasks) < 2:
        for one in tasks:
            yield one, work(one)
        return
    from joblib import Parallel, delayed

    def both(task: Any) -> tuple[Any, Any]:
        return task, work(task)

    yield from Parallel(n_jobs=workers, return_as="generator_unordered")(delayed(both)(one) for one in tasks)


def _lines(path: Path | None) -> Iterator[dict[str, Any]]:
    if path is None or not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and {"key", "of", "result"} <= set(found):
            yield found


def _hashable(of: Any) -> Hashable:
    return tuple(of) if isinstance(of, list | tuple) else of
