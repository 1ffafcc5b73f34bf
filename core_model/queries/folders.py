"""What lies in a folder of this machine, for a window on another one."""

from __future__ import annotations

from collections.abc import Callable

from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import InputError
from core_model.schema.home import expanded, start_folder
from core_model.schema.question_folder import CHECKPOINTS, MAX_ENTRIES, FolderQuestion


def answer_folder(session: SessionView, question: FolderQuestion, cancelled: Callable[[], bool]) -> Answer:
    """See `FolderQuestion`. Hidden names and what cannot be looked at are left out."""
    try:
        folder = (expanded(question.folder) if question.folder else start_folder()).resolve()
        names = list(folder.iterdir())
    except (OSError, RuntimeError, ValueError) as e:
        raise InputError(
            what="cannot look into the folder",
            where=question.folder,
            got=str(getattr(e, "strerror", "") or e),
        ) from None
    found: list[tuple[str, bool, int, float]] = []
    for path in names:
        if path.name.startswith("."):
            continue
        try:
            inside, status = path.is_dir(), path.stat()
        except OSError:
            continue
        if inside or path.suffix.lower() in CHECKPOINTS:
            found.append((path.name, inside, 0 if inside else status.st_size, status.st_mtime))
    found.sort(key=lambda entry: (not entry[1], entry[0].lower()))
    values = {
        "folder": str(folder),
        "parent": str(folder.parent),
        "entries": tuple(found[:MAX_ENTRIES]),
        "more": max(len(found) - MAX_ENTRIES, 0),
    }
    return Answer(values)


ANSWERERS.add("FolderQuestion", answer_folder)
