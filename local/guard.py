"""Runs one program and sees to its end: the program never outlives the process that wanted it.

    python -I -S local/guard.py [options] -- program argument...

The guard's standard input is a pipe whose other end the parent holds. When it closes, because the
parent closed it, ended, or was killed with `kill -9`, the guard asks the program to stop and, when
that takes too long, kills it and everything it started. On Linux orphans of the program come back
to the guard, so none escapes; and when the guard itself is killed, the kernel signals the program.

Standard library only, and self-contained: it also runs where the package cannot be imported.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ASKING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def main(arguments: list[str]) -> int:
    """Start the program, wait for its end or the parent's, clean up; answers the exit status."""
    options = parse(arguments)
    process_control(PR_SET_CHILD_SUBREAPER, 1)
    wake = listen_for_signals()
    # A signal sent to the child before it has its own handlers must wait, not be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    child = os.fork()
    if child == 0:
        become_program(options)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
    status = supervise(child, wake, options)
    end_descendants()
    if options.remove:
        shutil.rmtree(options.remove, ignore_errors=True)
    return status


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; everything after `--` is the program."""
    parser = argparse.ArgumentParser(description="Run a program that ends with its parent.")
    parser.add_argument("--stop", default="TERM", help="signal that asks the program to stop")
    parser.add_argument("--harder", default="", help="signal sent when it does not stop in time")
    parser.add_argument("--grace", type=float, default=4.0, help="seconds it may take to stop")
    parser.add_argument("--account", default="", help="uid:gid the program runs as")
    parser.add_argument("--remove", default="", help="folder to remove when the program has ended")
    parser.add_argument("program", nargs="+")
    return parser.parse_args(arguments)


def listen_for_signals() -> int:
    """Turn signals into bytes on a pipe, so that one select waits for everything."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGCHLD, *ASKING):
        signal.signal(number, lambda *_: None)
    return reader


def become_program(options: argparse.Namespace) -> None:
    """In the child: take the account, arrange to die with the guard, become the program."""
    try:
        guard = os.getppid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, *ASKING):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
        os.setsid()
        if options.account:
            uid, gid = map(int, options.account.split(":"))
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            os.umask(0o077)
        # After the change of account, which would clear it.
        process_control(PR_SET_PDEATHSIG, signal_number(options.stop))
        if os.getppid() != guard:
            os._exit(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.execvp(options.program[0], options.program)
    except OSError as problem:
        os.write(2, f"{options.program[0]} cannot be started: {problem}\n".encode())
    os._exit(127)


def supervise(child: int, wake: int, options: argparse.Namespace) -> int:
    """Wait until the program ends; when the parent lets go, make it end."""
    deadlines: list[tuple[float, int]] = []
    watched = [0, wake]
    while True:
        status = reap(child)
        if status is not None:
            return status
        timeout = max(0.0, deadlines[0][0] - time.monotonic()) if deadlines else None
        ready, _, _ = select.select(watched, [], [], timeout)
        wanted = os.read(wake, 512) if wake in ready else b""
        let_go = 0 in ready and os.read(0, 512) == b""
        is_asked = let_go or not ASKING.isdisjoint(wanted)
        if is_asked and 0 in watched:
            watched.remove(0)
            deadlines = plan_of_stop(options)
        while deadlines and deadlines[0][0] <= time.monotonic():
            send(child, deadlines.pop(0)[1])


def plan_of_stop(options: argparse.Namespace) -> list[tuple[float, int]]:
    """When to send which signal: ask, ask harder, kill."""
    now = time.monotonic()
    plan = [(now, signal_number(options.stop))]
    later = now + options.grace
    if options.harder:
        plan.append((later, signal_number(options.harder)))
        later += 1.5
    return [*plan, (later, int(signal.SIGKILL))]


def reap(child: int) -> int | None:
    """Collect ended processes; the program's exit status once it is among them."""
    status = None
    while True:
        try:
            pid, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == child:
            code = os.waitstatus_to_exitcode(raw)
            status = code if code >= 0 else 128 - code


def send(pid: int, number: int) -> None:
    """Signal a process of ours that may just have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def end_descendants() -> None:
    """Kill what the program left behind, at most for three seconds."""
    give_up = time.monotonic() + 3
    while time.monotonic() < give_up:
        left = descendants(os.getpid())
        if not left:
            return
        for pid in left:
            send(pid, signal.SIGKILL)
        reap(-1)
        time.sleep(0.02)


def descendants(ancestor: int) -> list[int]:
    """Every living process below one, found in /proc; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            children.setdefault(int(parent), []).append(int(folder.name))
    found, queue = [], [ancestor]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def process_control(option: int, value: int) -> None:
    """Call prctl where there is one (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def signal_number(name: str) -> int:
    """INT -> 2"""
    return int(getattr(signal, f"SIG{name}"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
