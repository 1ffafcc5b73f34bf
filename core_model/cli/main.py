"""Entry point of `triscope`: finds the command, maps errors to one line and an exit status.

0 = done, 2 = the input was wrong, 1 = it failed, 130 = interrupted. Commands are imported only when they are
called, so that `triscope --help` and the window do not wait for torch.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from core_model import __version__
from core_model.cli import far
from core_model.schema.atomic import FULL, not_written
from core_model.schema.errors import SEE_DOCTOR, InputError, TriscopeError, is_out_of_memory, shortened
from core_model.schema.extras import missing_extra
from core_model.schema.processes import FOLLOW_VARIABLE, follow_starter

UNUSABLE = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS)
"""What a system says of a name that somebody gave, and of nothing that is ours."""
# name → (module with `main(args)`, summary)
COMMANDS: dict[str, tuple[str, str]] = {
    "view": ("core_model.cli.view", "open the viewer on a checkpoint (default: the demo)"),
    "demo": ("core_model.cli.demo", "tour without a display: screenshots, orbit video, summary"),
    "info": ("core_model.cli.info", "say what a checkpoint is, without building it"),
    "import": ("core_model.cli.import_", "make a native checkpoint of an EG3D, EpiGRAF or Mimic3D file"),
    "render": ("core_model.cli.render", "render channels to .png, .npz or .exr"),
    "orbit": ("core_model.cli.orbit", "render a camera path to .mp4"),
    "sheet": ("core_model.cli.sheet", "a contact sheet: rows of seeds, columns of yaws or psis"),
    "film": ("core_model.cli.film", "render the same seeds from every snapshot of a run to .mp4"),
    "inspect": ("core_model.cli.inspect", "everything that happens on one ray, to .json, .csv or .png"),
    "mesh": ("core_model.cli.mesh", "export the surface as a mesh: .ply, .obj, .glb or .stl"),
    "bake": ("core_model.cli.bake", "heads as one HTML file that any browser shows"),
    "samplers": ("core_model.cli.samplers", "sampler report: Fig. 4, A5, A6, A7 for this checkpoint"),
    "metrics": ("core_model.cli.metrics", "compare a checkpoint with a set of images: FID, KID, SWD, shape"),
    "data": ("core_model.cli.data", "make data sets (heads)"),
    "train": (
        "core_model.cli.train",
        "train a 3D GAN from images (WYSIWYG, EG3D, EpiGRAF, Mimic3D), on one machine or many",
    ),
    "fit": ("core_model.cli.fit", "fit a generator to made-up heads of known shape and colour"),
    "batch": ("core_model.cli.batch", "one command for many values, here or as one job array of Slurm"),
    "invert": ("core_model.cli.invert", "find the latent, camera and weights that show a photograph"),
    "worker": ("core_model.cli.worker", "a renderer on stdin and stdout, for a window elsewhere (--worker)"),
    "monitor": ("core_model.cli.monitor", "watch training runs in a window of its own"),
    "doctor": ("core_model.cli.doctor", "what this machine has and lacks, and what to do about it"),
    "bench": ("core_model.cli.bench", "measure start, orbit, quality, field speed and memory"),
}


def overview() -> str:
    """Text of `triscope --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            f"triscope {__version__}: desktop explorer for tri-plane 3D GANs",
            "",
            "usage: triscope [COMMAND] [options]      without a command: the viewer on the demo checkpoint",
            "",
            *lines,
            "",
            "triscope COMMAND --help lists the options of a command.",
            "--version prints the version; --debug (or TRISCOPE_DEBUG=1) shows the traceback of an error.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: sys.argv); returns the exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args or os.environ.get("TRISCOPE_DEBUG", "") not in ("", "0")
    args = [a for a in args if a != "--debug"]
    # A terminal or pipe that lacks a character (±, ³) gets a question mark, not a failure.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # torch's threads must sleep while they wait, not spin: beside any other load spinning costs a picture
    # many times its own time
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if FOLLOW_VARIABLE in os.environ:
        follow_starter()
    previous = _on_terminate(_terminated)
    try:
        return _dispatch(args)
    except (KeyboardInterrupt, _Terminated) as stop:
        _say("cancelled")
        return 143 if isinstance(stop, _Terminated) else 130
    except BrokenPipeError:  # the reader of our output went away: nothing to say, and nobody to say it to
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return 1
    except TriscopeError as error:
        _say(str(error) or type(error).__name__, debug)
        return error.exit_status
    except ImportError as error:
        missing = missing_extra(error)
        _say(str(missing or f"failed: {error}; {SEE_DOCTOR}"), debug)
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            _say(not_written(error), debug)
            return 1
        if is_out_of_memory(error):
            _say(
                "out of memory; a smaller --size, --resolution or --microbatch, or fewer --spp, needs less",
                debug,
            )
            return 1
        if isinstance(error, OSError) and error.errno in UNUSABLE and error.filename:
            _say(f"cannot use {shortened(str(error.filename))}: {error.strerror}", debug)
            return 2
        if type(error).__name__ == "ValidationError":  # of pydantic, which is not loaded only to ask
            from core_model.schema.complaint import first_complaint

            complaint = first_complaint(error)  # type: ignore[arg-type]
            got = f": got {complaint.got}" if complaint.got else ""
            _say(f"bad value of {complaint.line}{got}", debug)
            return 2
        hint = "" if debug else " (--debug shows where)"
        _say(f"failed: {type(error).__name__}: {error}{hint}", debug)
        return 1
    finally:
        _on_terminate(previous)


def _dispatch(args: list[str]) -> int:
    if not args:
        args = ["view"]
    name, rest = args[0], args[1:]
    if name in ("-h", "--help", "help"):
        print(overview())
        return 0
    if name in ("-V", "--version"):
        print(f"triscope {__version__}")
        return 0
    if name not in COMMANDS:
        if name.startswith("analytic:") or name.endswith((".safetensors", ".pkl")) or Path(name).exists():
            name, rest = "view", args
        else:
            raise _unknown_command(name)
    if any(a.startswith(far.OPTION) for a in rest) and far.wanted(name, rest):
        far.main(name, rest)
    else:
        importlib.import_module(COMMANDS[name][0]).main(rest)
    return 0


def _unknown_command(name: str) -> InputError:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    kind = "option" if name.startswith("-") else "command"
    return InputError(what=f"unknown {kind}", expected=f"one of {', '.join(COMMANDS)}", got=f"{name!r}{hint}")


class _Terminated(BaseException):
    """SIGTERM arrived: unwinds like an interrupt, so that half-written files are removed."""


def _terminated(signum: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _on_terminate(handler: object) -> object:
    """Install a SIGTERM handler where that is possible; returns the one before."""
    try:
        return signal.signal(signal.SIGTERM, handler)  # type: ignore[arg-type]
    except ValueError:  # not the main thread (tests)
        return handler


def _say(message: str, debug: bool = False) -> None:
    if debug:
        traceback.print_exc()
    print(f"triscope: {' '.join(message.split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
