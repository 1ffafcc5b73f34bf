"""A command of triscope that runs where the GPU is, as if it ran here: its words, its progress, its files, its status.

Values of options that name files of this machine are sent; CHECKPOINT is a path over there, or `local:FILE` for one
of this machine. The files that it writes come back under the names that `--out` allows, into that folder, checked by hash.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from core_model.schema.atomic import replacing
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.far import LOCAL
from core_model.schema.home import expanded
from viewer.wire import records as r
from viewer.wire.channel import Channel
from viewer.wire.command import Command
from viewer.wire.faults import WireError
from viewer.wire.files import Incoming, offer_of, send_parts
from viewer.wire.greeting import Greeted, VersionError, greeting

OUTPUTS = ("--out", "--display")
FAR_OPTIONS = ("--data",)
"""Options whose value is a path over there, whatever lies here under its name."""
_RUN = 0

Update = Callable[[str, float], None]
Progress = Callable[[str], AbstractContextManager[Update]]


class FarError(TriscopeError):
    """The command could not be run over there."""


def run(worker: str, command: str, args: Sequence[str], progress: Progress) -> int:
    """Run `triscope COMMAND ARGS` by the worker that this command leads to; its exit status.

    Raises InputError, and FarError where the worker is not reached or the line breaks.
    """
    words, files, outputs = translated(args)
    with progress(command) as update, _reached(worker) as (channel, messages):
        _send_files(channel, messages, files, update)
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        channel.send(r.ToRun(number=_RUN, command=command, words=words, progress=True, epoch=epoch))  # type: ignore[arg-type]
        return _followed(messages, outputs, update)


def translated(args: Sequence[str]) -> tuple[tuple[r.Argument, ...], dict[str, Path], dict[str, Path]]:
    """(words for the other side, files to send by SHA-256, where outputs belong by their name over there)."""
    words: list[r.Argument] = []
    files: dict[str, Path] = {}
    outputs: dict[str, Path] = {}
    option = ""
    for one in _split(args):
        if one.startswith("-") and not _is_number(one):
            option = one
            words.append(r.Argument(text=one))
            continue
        path = expanded(one.removeprefix(LOCAL))
        if option in OUTPUTS:
            words.append(_output(one, path, outputs))
        elif one.startswith(LOCAL) or (option and option not in FAR_OPTIONS and _is_file(path)):
            offer = offer_of(path, 0)
            files[offer.digest] = path
            words.append(r.Argument(file=offer.digest))
        else:
            words.append(r.Argument(text=one))
        option = ""
    return tuple(words), files, outputs


def _split(args: Sequence[str]) -> Iterator[str]:
    """`--name=value` as two words."""
    for one in args:
        name, equals, value = one.partition("=")
        yield from (name, value) if equals and one.startswith("--") else (one,)


def _output(text: str, path: Path, outputs: dict[str, Path]) -> r.Argument:
    if not path.parent.is_dir():
        raise InputError(
            what="cannot write",
            where=f"--out {text}",
            expected="an existing folder",
            got=f"no folder {path.parent}",
        )
    outputs[path.name] = path
    try:
        return r.Argument(out=path.name, shown=text)
    except ValueError:
        raise InputError(what="cannot write", where=f"--out {text}", expected="a plain file name") from None


def _is_number(text: str) -> bool:
    try:
        float(text.split(",")[0])
    except ValueError:
        return False
    return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


Messages = Iterator["tuple[r.Record, list[memoryview]]"]


@contextlib.contextmanager
def _reached(worker: str) -> Iterator[tuple[Channel, Messages]]:
    process = Command(worker)
    channel = Channel(process.read, process.write, process.kill)
    try:
        first = Greeted()
        channel.say(greeting())
        if not first.read(process.read):
            raise FarError(process.why()[0])
        channel.start()
        yield channel, _checked(channel, first.rest, process)
        channel.send(r.ToStop())
        channel.flush(2.0)
        process.wait(2.0)
    except VersionError as e:
        raise FarError(f"`{worker}`: {e}") from None
    except WireError as e:
        raise FarError(f"`{worker}`: {e}") from None
    finally:
        channel.close()
        process.kill()


def _checked(channel: Channel, first: bytes, process: Command) -> Messages:
    """Messages, read by a thread of their own: what is sent meanwhile waits for acknowledgements.

    The end of the line before the last one that is wanted raises FarError.
    """
    read: queue.Queue[tuple[r.Record, list[memoryview]] | None] = queue.Queue(maxsize=64)

    def listen() -> None:
        for message in channel.receive(first):
            read.put(message)
        read.put(None)

    threading.Thread(target=listen, name="triscope-there", daemon=True).start()
    while (message := read.get()) is not None:
        yield message
    raise FarError(f"`{process.text}`: {channel.fault}" if channel.fault else process.why()[0])


def _send_files(channel: Channel, messages: Messages, files: dict[str, Path], update: Update) -> None:
    for number, path in enumerate(files.values()):
        offer = offer_of(path, number)
        update(f"sending {path.name}", 0.0)
        channel.send(offer)
        sent = False
        for record, _ in messages:
            if not isinstance(record, r.Wanted) or record.number != number:
                raise WireError(f"{record.kind} in place of an answer to an offer")
            if record.error is not None:
                raise FarError(record.error.message)
            if record.offset == offer.size and record.path:
                break
            if sent or record.offset > offer.size:
                raise WireError("a file that is wanted twice")
            sent = send_parts(channel, path, offer, record.offset)


def _followed(messages: Messages, outputs: dict[str, Path], update: Update) -> int:
    """Show what it says and keep its files until it has ended."""
    with tempfile.TemporaryDirectory(prefix="triscope-there-") as folder:
        incoming: Incoming | None = None
        for record, blobs in messages:
            match record:
                case r.FromText(stream=stream, text=text):
                    _show(stream, text, update)
                case r.Offer():
                    place(record.name, outputs)  # raises for a name that was not asked for
                    incoming = Incoming(record, Path(folder))
                    if incoming.whole:
                        _keep(incoming, outputs)
                case r.Part() if incoming is not None and record.number == incoming.offer.number:
                    incoming.take(record, blobs)
                    update(f"receiving {incoming.offer.name}", incoming.offset / max(incoming.offer.size, 1))
                    if incoming.whole:
                        _keep(incoming, outputs)
                case r.FromRan(status=status):
                    return status
                case _:
                    raise WireError(f"a message that nobody asked for ({record.kind})")
    raise FarError("it gave no status")


def place(name: str, outputs: dict[str, Path]) -> Path:
    """Where a file that comes back belongs: an output itself, or STEM.… beside it. Raises WireError for any other name."""
    for wanted, path in outputs.items():
        if name == wanted or name.startswith(f"{Path(wanted).stem}."):
            return path.parent / name
    raise WireError(f"a file that nobody asked for ({name!r})")


def _keep(incoming: Incoming, outputs: dict[str, Path]) -> None:
    answer = incoming.finish()
    if answer.error is not None:
        raise FarError(answer.error.message)
    target = place(incoming.offer.name, outputs)
    with replacing(target) as temporary:
        temporary.write_bytes(incoming.path.read_bytes())


def _show(stream: str, text: str, update: Update) -> None:
    """Progress as a bar, the rest as it is, without what would control the terminal."""
    if stream == "err" and text.startswith('{"progress"'):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = json.loads(text)["progress"]
            update(str(said["stage"])[:80], min(max(float(said["fraction"]), 0.0), 1.0))
            return
    clean = "".join(c for c in text if c.isprintable() or c in "\n\t")
    print(clean, end="", file=sys.stdout if stream == "out" else sys.stderr, flush=True)
