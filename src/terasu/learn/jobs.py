"""A queue of jobs on disk: one process a job, one job a device, and nothing lost when somebody dies.

The folder holds one folder a job: `job.json` (what to run), `output.txt`, `ended` (the exit code, written by
the job's own shell) and a lock that the job's processes hold while one of them lives. Who starts the queue
again finds running jobs by their locks and waits for them, and starts again those that died without an exit
code.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from terasu.errors import InputError
from terasu.learn.lock import alone_in
from terasu.patient.store import write_whole
from terasu.steps import Listener, Nobody

_SHELL = 'out="$0"; "$@"; code=$?; echo $code > "$out.part" && mv "$out.part" "$out"'
_FAKE = "TERASU_DEVICE"


@dataclass(frozen=True)
class Job:
    """One thing to run.

    Attributes:
        name: of its folder; the same name is the same job.
        command: words of the command; it has to go on where it was when it is started again.
        tries: how often it may be started.
    """

    name: str
    command: tuple[str, ...]
    tries: int = 3


@dataclass(frozen=True)
class Row:
    """A line of the table of what runs where.

    Attributes:
        state: ``waiting``, ``running``, ``done``, ``failed``.
        device: the one that it runs or ran on; empty before.
        started: how often.
    """

    name: str
    state: str
    device: str
    started: int


@dataclass
class _Start:
    """What is written each time that a job is started."""

    device: str
    count: int


def enqueue(folder: Path, jobs: Sequence[Job]) -> None:
    """Put jobs into the queue; one that is there already stays as it is.

    Raises:
        InputError: a name that is no folder's, or a job of the same name with another command.
    """
    for job in jobs:
        if not job.name or Path(job.name).name != job.name or job.name.startswith("."):
            raise InputError("A job needs a name that can be a folder's.", got=repr(job.name))
        path = folder / job.name / "job.json"
        if path.exists() and tuple(json.loads(path.read_text())["command"]) != job.command:
            raise InputError(
                "The queue has another job of this name.",
                got=job.name,
                expected="the same command, or another name",
                todo="Choose another folder for this queue.",
            )
        if not path.exists():
            _write(path, json.dumps(asdict(job), indent=1))


def run_queue(
    folder: Path,
    devices: Sequence[str],
    *,
    fake: bool = False,
    every_s: float = 0.2,
    listener: Listener | None = None,
) -> tuple[Row, ...]:
    """Run all jobs of the queue, as many at once as there are devices, until each is done or has failed.

    Args:
        folder: of the queue.
        devices: each takes one job at a time; a job sees its own as CUDA_VISIBLE_DEVICES.
        fake: the devices are places on the CPU: a job sees none, and its place's name as TERASU_DEVICE.
        every_s: how often is looked [s].
    Returns:
        The table in the end.
    Raises:
        InputError: another process runs this queue.
    """
    listener = listener or Nobody()
    with alone_in(folder, "queue of jobs"):
        children: list[subprocess.Popen[bytes]] = []
        while True:
            rows = table(folder)
            taken = {row.device for row in rows if row.state == "running"}
            free = [one for one in devices if one not in taken]
            waiting = [row for row in rows if row.state == "waiting"]
            for row, device in zip(waiting, free, strict=False):
                children.append(_start(folder / row.name, device, row.started + 1, fake=fake))
            listener.advance(sum(row.state in ("done", "failed") for row in rows), len(rows))
            if all(row.state in ("done", "failed") for row in rows):
                return rows
            time.sleep(every_s)
            children = [one for one in children if one.poll() is None]


def table(folder: Path) -> tuple[Row, ...]:
    """What runs where, by name; read from disk, whoever runs the queue."""
    return tuple(_row(path.parent) for path in sorted(folder.glob("*/job.json")))


def _row(place: Path) -> Row:
    job = json.loads((place / "job.json").read_text())
    start = _started(place)
    if _is_alive(place):
        return Row(place.name, "running", start.device, start.count)
    code = _exit_code(place)
    if code == 0:
        return Row(place.name, "done", start.device, start.count)
    state = "failed" if start.count >= job["tries"] else "waiting"
    return Row(place.name, state, start.device, start.count)


def _start(place: Path, device: str, count: int, *, fake: bool) -> subprocess.Popen[bytes]:
    """The job's processes inherit the lock; it is free when the last of them has ended."""
    job = json.loads((place / "job.json").read_text())
    (place / "ended").unlink(missing_ok=True)
    _write(place / "started.json", json.dumps({"device": device, "count": count}))
    with (place / "alive.lock").open("a") as lock, (place / "output.txt").open("ab") as output:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.Popen(
            ["sh", "-c", _SHELL, str((place / "ended").absolute()), *job["command"]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(device, fake=fake),
            pass_fds=(lock.fileno(),),
        )


def _environment(device: str, *, fake: bool) -> Mapping[str, str]:
    seen = {"CUDA_VISIBLE_DEVICES": "", _FAKE: device} if fake else {"CUDA_VISIBLE_DEVICES": device}
    return {**os.environ, **seen}


def _is_alive(place: Path) -> bool:
    try:
        with (place / "alive.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _started(place: Path) -> _Start:
    path = place / "started.json"
    return _Start(**json.loads(path.read_text())) if path.exists() else _Start("", 0)


def _exit_code(place: Path) -> int | None:
    path = place / "ended"
    return int(path.read_text()) if path.exists() else None


def _write(path: Path, text: str) -> None:
    def write(aside: Path) -> None:
        aside.write_text(text, encoding="utf-8")

    write_whole(path, write)
