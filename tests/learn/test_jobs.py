"""The queue: as many at once as there are devices, and none lost when the queue or a job is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terasu.errors import InputError
from terasu.learn.jobs import Job, enqueue, run_queue, table

FOUR = ("place0", "place1", "place2", "place3")
QUEUE = (
    "import sys; from pathlib import Path; from terasu.learn.jobs import run_queue;"
    f"run_queue(Path(sys.argv[1]), {FOUR!r}, fake=True, every_s=0.02)"
)
# waits until a file named `go` is there; writes where it ran
WAITS = 'echo "$TERASU_DEVICE" >> "$0/ran-$1"; while [ ! -e "$0/go" ]; do sleep 0.02; done'


def waiting_jobs(folder: Path, count: int) -> list[Job]:
    return [Job(f"job{n}", ("sh", "-c", WAITS, str(folder), str(n))) for n in range(count)]


def until(condition: object) -> None:
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def running(queue: Path) -> list[str]:
    return sorted(row.device for row in table(queue) if row.state == "running")


def test_four_jobs_at_once_and_none_lost_or_run_twice_after_a_kill_of_the_queue(tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    enqueue(queue, waiting_jobs(tmp_path, 6))
    child = subprocess.Popen([sys.executable, "-c", QUEUE, str(queue)])
    try:
        until(lambda: len(list(tmp_path.glob("ran-*"))) == 4)
        assert running(queue) == sorted(FOUR)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert running(queue) == sorted(FOUR)  # the jobs outlive their queue
    (tmp_path / "go").touch()
    rows = run_queue(queue, FOUR, fake=True, every_s=0.02)
    assert [(row.name, row.state, row.started) for row in rows] == [(f"job{n}", "done", 1) for n in range(6)]
    ran = [(tmp_path / f"ran-{n}").read_text().split() for n in range(6)]
    assert all(len(one) == 1 for one in ran)
    assert sorted(device for (device,) in ran[:4]) == sorted(FOUR)


def test_a_job_that_was_killed_is_started_again(tmp_path: Path) -> None:
    once = 'if [ -e "$0/first" ]; then exit 0; fi; touch "$0/first"; kill -9 $PPID; kill -9 $$'
    enqueue(tmp_path / "queue", [Job("dies", ("sh", "-c", once, str(tmp_path)))])
    (row,) = run_queue(tmp_path / "queue", FOUR[:1], fake=True, every_s=0.02)
    assert (row.state, row.started) == ("done", 2)


def test_a_job_that_always_fails_is_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = [Job("bad", ("sh", "-c", "echo why; exit 7"), tries=2), Job("good", ("true",))]
    enqueue(tmp_path, jobs)
    bad, good = run_queue(tmp_path, FOUR[:1], fake=True, every_s=0.02)
    assert (bad.state, bad.started, good.state) == ("failed", 2, "done")
    assert (tmp_path / "bad" / "output.txt").read_text() == "why\nwhy\n"


def test_a_real_device_is_named_to_its_job(tmp_path: Path) -> None:
    enqueue(tmp_path, [Job("one", ("sh", "-c", 'echo "<$CUDA_VISIBLE_DEVICES>"'))])
    run_queue(tmp_path, ("3",), every_s=0.02)
    assert (tmp_path / "one" / "output.txt").read_text() == "<3>\n"


def test_jobs_that_are_done_are_not_run_again(tmp_path: Path) -> None:
    jobs = [Job("one", ("sh", "-c", "echo once"))]
    for _ in range(2):
        enqueue(tmp_path, jobs)
        run_queue(tmp_path, FOUR, fake=True, every_s=0.02)
    assert (tmp_path / "one" / "output.txt").read_text() == "once\n"


def test_two_queues_in_one_folder_and_two_jobs_of_one_name_are_refused(tmp_path: Path) -> None:
    enqueue(tmp_path, [Job("one", ("true",))])
    with pytest.raises(InputError, match="another job"):
        enqueue(tmp_path, [Job("one", ("false",))])
    with pytest.raises(InputError, match="needs a name"):
        enqueue(tmp_path, [Job("../one", ("true",))])
