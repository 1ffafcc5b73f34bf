"""Commands that run where the GPU is (`triscope render … --worker COMMAND`), and the files that are sent for them.

A command is a process of its own, started from a list of words: nothing of what arrives is read by a shell. What it
writes lands in a folder of this process and is sent back.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from core_model.schema.config_dir import config_dir
from core_model.schema.errors import InputError
from core_model.schema.processes import kill_tree, start_tied
from core_model.schema.render import ErrorInfo
from viewer.wire import records as r
from viewer.wire.channel import Channel, Lane
from viewer.wire.faults import WireError
from viewer.wire.files import Incoming, offer_of, send_parts

RECEIVED = "received"
"""Folder of files that were sent here, in the folder of the program's settings: one folder per SHA-256."""
PROGRESS_VARIABLE = "TRISCOPE_PROGRESS"
_TEXT = 8192


class FarRuns:
    """`take` is called by one thread, the main one; folder: for what commands write."""

    def __init__(self, channel: Channel, folder: Path) -> None:
        self._channel, self._folder = channel, folder
        self._incoming: dict[int, Incoming] = {}
        self._received: dict[str, Path] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def take(self, record: r.Record, blobs: list[memoryview]) -> bool:
        """Whether it was for this part."""
        match record:
            case r.Offer():
                self._offered(record)
            case r.Part(number=number):
                incoming = self._incoming.get(number)
                if incoming is None:
                    raise WireError("a part of a file that nobody offered")
                incoming.take(record, blobs)
                if incoming.whole:
                    self._finish(incoming)
            case r.ToRun():
                self._run(record)
            case r.Wanted(number=number):
                pass  # the window has what it was sent; the hash is checked there
            case _:
                return False
        return True

    def stop(self) -> None:
        """End what runs."""
        process = self._process
        if process is None:
            return
        import psutil

        try:
            tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        except psutil.Error:
            return
        kill_tree(lambda: [p for p in tree if p.is_running() and p.status() != psutil.STATUS_ZOMBIE])
        process.wait(5.0)

    # Files

    def _offered(self, offer: r.Offer) -> None:
        try:
            incoming = Incoming(offer, config_dir() / RECEIVED / offer.digest)
        except OSError as e:
            error = ErrorInfo(kind="input", message=f"{offer.name} cannot be kept there: {e}")
            self._channel.send(r.Wanted(number=offer.number, offset=0, error=error))
            return
        if incoming.whole:
            self._finish(incoming)
        else:
            self._incoming[offer.number] = incoming
            self._channel.send(r.Wanted(number=offer.number, offset=incoming.offset))

    def _finish(self, incoming: Incoming) -> None:
        self._incoming.pop(incoming.offer.number, None)
        answer = incoming.finish()
        if answer.error is None:
            self._received[incoming.offer.digest] = incoming.path
        self._channel.send(answer)

    # Commands

    def _run(self, record: r.ToRun) -> None:
        if self._process is not None:
            raise WireError("a second command at a time")
        out = self._folder / "out"
        out.mkdir(exist_ok=True)
        words, shown = [], []
        for word in record.words:
            if word.file is not None:
                if word.file not in self._received:
                    raise WireError("a command with a file that was not sent")
                words.append(str(self._received[word.file]))
            elif word.out is not None:
                words.append(str(out / word.out))
                shown.append((str(out / word.out), word.shown))
            else:
                words.append(word.text)
        env = dict(os.environ)
        env.pop(PROGRESS_VARIABLE, None)
        if record.progress:
            env[PROGRESS_VARIABLE] = "json"
        if record.epoch:
            env["SOURCE_DATE_EPOCH"] = record.epoch
        self._process = start_tied(
            [sys.executable, "-m", "core_model.cli.main", record.command, *words],
            env=env,
            own=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # further files lie beside the first output
        beside = next((text.removesuffix(Path(there).name) for there, text in shown), "")
        places = [*shown, (f"{out}{os.sep}", beside)]
        threading.Thread(
            target=self._follow, args=(record.number, self._process, out, places), daemon=True
        ).start()

    def _follow(
        self, number: int, process: "subprocess.Popen[bytes]", out: Path, places: list[tuple[str, str]]
    ) -> None:
        """Pass on what it says, then its files, then its status."""
        assert process.stdout is not None and process.stderr is not None
        readers = [
            threading.Thread(target=self._say, args=(number, name, stream, places), daemon=True)
            for name, stream in (("out", process.stdout), ("err", process.stderr))
        ]
        for reader in readers:
            reader.start()
        status = process.wait()
        for reader in readers:
            reader.join()
        try:
            if status == 0:
                for index, path in enumerate(sorted(p for p in out.iterdir() if p.is_file())):
                    offer = offer_of(path, index)
                    self._channel.send(offer, lane=Lane.BULK)
                    if not send_parts(self._channel, path, offer, 0):
                        return
        except (InputError, OSError) as e:
            self._channel.send(
                r.FromText(number=number, stream="err", text=f"triscope: {e}\n"), lane=Lane.BULK
            )
            status = 1
        # behind the files, in their lane
        self._channel.send(
            r.FromRan(number=number, status=status if 0 <= status < 256 else 1), lane=Lane.BULK
        )

    def _say(self, number: int, name: str, stream: IO[bytes], places: list[tuple[str, str]]) -> None:
        for raw in iter(lambda: stream.readline(_TEXT), b""):
            text = raw.decode(errors="replace")
            for there, here in places:
                text = text.replace(there, here)
            self._channel.send(r.FromText(number=number, stream=name, text=text))  # type: ignore[arg-type]
        stream.close()
