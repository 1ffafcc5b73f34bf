"""A far worker over a real sshd on loopback, with keys made for the test; skipped where there is no sshd."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_model.schema.render import Tier
from tests import waiting
from tests.unit.render_client.test_lifecycle import frame_of, request, until
from tests.unit.render_client.test_remote import ROOT, alive, ours, reached
from tests.unit.runs.synthetic import Plan, write_native
from viewer.render_client.events import Opened, WorkerDied
from viewer.runs.reader import RunReader
from viewer.wire.desk_link import DeskLink
from viewer.wire.far_desk import FarDesk

SSHD = shutil.which("sshd") or next((p for p in ("/usr/sbin/sshd",) if os.path.exists(p)), None)
pytestmark = [
    pytest.mark.skipif(
        SSHD is None or shutil.which("ssh") is None, reason="no sshd on this machine (Debian: openssh-server)"
    )
]


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The words of an ssh command that logs in here."""
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user"):
        line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(line, check=True, timeout=30)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it, where it runs as root
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "StrictModes no\nPasswordAuthentication no\nUsePAM no\nPermitRootLogin yes\n"
        f"PidFile {folder}/pid\n"
    )
    assert SSHD is not None
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=log)
        try:
            waiting.until(lambda: _answers(port) or server.poll() is not None, "sshd", 10.0)
            if server.poll() is not None:
                pytest.skip(f"sshd does not start here: {(folder / 'log').read_text().strip()[-200:]}")
            (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
            yield (
                f"ssh -F none -p {port} -i {folder}/user -o IdentitiesOnly=yes "
                f"-o UserKnownHostsFile={folder}/known {getpass.getuser()}@127.0.0.1"
            )
        finally:
            server.terminate()
            server.wait(10.0)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(0.2)
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_pictures_over_ssh_and_no_process_after(ssh: str) -> None:
    program = f"cd {shlex.quote(str(ROOT))} && {shlex.quote(sys.executable)} tests/unit/render_client/far_program.py"
    with reached(f"{ssh} {shlex.quote(program)}") as far:
        far.open("fake:a")
        until(far, lambda e: isinstance(e, Opened), 60.0)
        for tier in (Tier.MOVING, Tier.FULL):
            assert frame_of(far, far.submit(request(tier=tier)), 30.0).result.error is None
        there = far.status.pid
        assert there and os.path.exists(f"/proc/{there}") or not os.path.exists("/proc")
    waiting.until(lambda: not os.path.exists(f"/proc/{there}"), "the far worker to end", 10.0)


def test_runs_over_ssh(ssh: str, tmp_path: Path) -> None:
    run = write_native(tmp_path / "run", Plan(ticks=30), state="running")
    program = (
        f"cd {shlex.quote(str(ROOT))} && exec {shlex.quote(sys.executable)} -m core_model.cli.main worker"
    )
    link = DeskLink(f"{ssh} {shlex.quote(program)}")
    try:
        link.first(60.0)
        desk = FarDesk(link.line)
        assert [row.name for row in desk.list_runs((str(tmp_path),)).rows] == ["run"]
        path = desk.path(str(run))
        reader = RunReader(path, desk.source(path))
        while reader.poll():
            pass
        assert len(reader.scalars) == 30 and reader.listing.snapshots
        desk.request(path, "stop")
        assert '"stop"' in (run / "control.json").read_text()
    finally:
        link.close()
    waiting.until(
        lambda: not [p for p in alive(ours()) if "far_program" in " ".join(p.cmdline())], "ssh to end", 5.0
    )


def test_an_unknown_host_and_a_missing_program_are_one_line(ssh: str) -> None:
    """ssh has no terminal here to ask on, and no window."""
    unknown = ssh.replace("UserKnownHostsFile=", "UserKnownHostsFile=/nowhere")
    for command, says in (
        (f"{unknown} triscope worker", "accept it"),
        (f"{ssh} no-such-triscope worker", "no triscope there"),
        (ssh.replace("-i ", "-i /nowhere"), "set up a key"),
    ):
        with reached(command) as far:
            died = until(far, lambda e: isinstance(e, WorkerDied), 30.0)[0]
            assert isinstance(died, WorkerDied) and died.final and says in died.reason, died.reason
            assert "\n" not in died.reason
