"""A guarded program never outlives the process that wanted it."""

import subprocess
import sys
import time
from pathlib import Path

from local.guarded import Guarded, Stopping, start_guarded
from tests.local.checkouts import END_SECONDS, start_time, wait_until

# Ignores every polite signal, and so does its child, which leaves session and parent behind.
STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    open(sys.argv[1] + ".orphan", "w").write(str(os.getpid()))
else:
    open(sys.argv[1] + ".main", "w").write(str(os.getpid()))
time.sleep(60)
"""
PARENT = """
import sys, time
from local.guarded import Stopping, start_guarded
start_guarded("x", [sys.executable, *sys.argv[1:]], output=None, stopping=Stopping(grace=0.5))
time.sleep(60)
"""


def guarded_python(code: str, *arguments: str, stopping: Stopping | None = None) -> Guarded:
    return start_guarded(
        "test",
        [sys.executable, "-c", code, *arguments],
        output=subprocess.DEVNULL,
        stopping=stopping or Stopping(grace=0.5),
    )


def pids_written(note: Path) -> dict[int, str]:
    """The two processes of STUBBORN, with their start times."""
    files = [note.with_suffix(".orphan"), note.with_suffix(".main")]
    wait_until(lambda: all(file.exists() and file.read_text() for file in files))
    pids = [int(file.read_text()) for file in files]
    return {pid: start_time(pid) for pid in pids}


def has_ended(known: dict[int, str]) -> bool:
    return all(start_time(pid) != started for pid, started in known.items())


def test_guard_ends_a_stubborn_program_and_its_orphan(tmp_path: Path) -> None:
    guarded = guarded_python(STUBBORN, str(tmp_path / "note"))
    known = pids_written(tmp_path / "note")
    assert not has_ended(known)

    begun = time.monotonic()
    status = guarded.stop()

    assert time.monotonic() - begun < END_SECONDS
    assert status == 128 + 9
    assert has_ended(known)


def test_guard_ends_them_when_the_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, "-c", STUBBORN, str(tmp_path / "note")]
    parent = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    known = pids_written(tmp_path / "note")

    parent.kill()
    parent.wait()

    assert wait_until(lambda: has_ended(known), END_SECONDS) < END_SECONDS


def test_guard_killed_itself_takes_the_program_along(tmp_path: Path) -> None:
    note = tmp_path / "note.main"
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    guarded = guarded_python(code)
    wait_until(lambda: note.exists() and note.read_text())
    known = {int(note.read_text()): start_time(int(note.read_text()))}

    guarded.process.kill()
    guarded.stop()

    assert wait_until(lambda: has_ended(known), END_SECONDS) < END_SECONDS


def test_guard_answers_the_programs_status() -> None:
    guarded = guarded_python("raise SystemExit(7)")

    assert guarded.process.wait(10) == 7
    assert guarded.stop() == 7


def test_guard_removes_the_folder_when_the_program_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "thrown away"
    folder.mkdir()
    (folder / "file").write_text("x")

    guarded = guarded_python("import time; time.sleep(60)", stopping=Stopping(remove=folder))
    assert folder.exists()
    guarded.stop()

    assert not folder.exists()


def test_guard_says_what_it_cannot_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        guarded = start_guarded("test", ["/no/such/program"], output=output)

    assert guarded.process.wait(10) == 127
    assert "/no/such/program cannot be started" in log.read_text()
    guarded.stop()
