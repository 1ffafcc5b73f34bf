"""Looks at a whole image set before anything is trained on it.

Sizes, labels, images that cannot be read, each named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from core_model.data.image_files import BadImage, decode, image_size
from core_model.data.index import ImageIndex, bad_labels, read_index
from core_model.data.sources import MAX_IMAGE_BYTES, Source, open_source
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen

MOST_LINES = 20


class DatasetReport(Frozen):
    """What a set holds. `problems` and `notes` are one clear line each.

    Training may start when there are no problems.
    """

    path: str
    images: int
    labelled: bool
    sizes: dict[str, int]
    decoded: int
    problems: tuple[str, ...] = ()
    problem_count: int = 0
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.problem_count == 0

    def lines(self) -> tuple[str, ...]:
        """The report as text."""
        sizes = ", ".join(f"{n} of {s}" for s, n in sorted(self.sizes.items(), key=lambda item: -item[1])[:5])
        labels = "with camera labels" if self.labelled else "without camera labels"
        head = f"{self.path}: {self.images} images {labels} ({sizes}), {self.decoded} decoded"
        more = self.problem_count - len(self.problems)
        tail = (f"problem: and {more} more",) if more > 0 else ()
        return (head, *(f"note: {n}" for n in self.notes), *(f"problem: {p}" for p in self.problems), *tail)

    def require_ok(self) -> None:
        """Raises InputError with the first problem and the number of the others."""
        if not self.ok:
            more = f" (and {self.problem_count - 1} more problems)" if self.problem_count > 1 else ""
            raise InputError(
                what="image set is not fit for training", where=self.path, got=self.problems[0] + more
            )


def check(
    path: str | Path,
    *,
    resolution: int | None = None,
    labels: bool = True,
    decode_every: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetReport:
    """Reads every file of the set; raises InputError only for what is no image set at all.

    labels: cameras are needed, so images must be square, of one size and labelled. Without, every image must
    be at least `resolution` pixels wide and high. Every `decode_every`-th image is decoded to its last row,
    of the others only the header is read; `progress(done, count)` follows.
    """
    path = Path(path).expanduser()
    source = open_source(path)
    index = read_index(source, str(path), labels=labels)
    problems = bad_labels(index) if labels else []
    problems += [f"{name}: labelled, but not in the set" for name in index.missing]
    sizes: Counter[str] = Counter()
    decoded = 0
    first_of: dict[str, str] = {}
    for number, name in enumerate(index.names):
        whole = number % max(1, decode_every) == 0
        size, fault = _look(source, name, whole=whole, labels=labels, resolution=resolution)
        decoded += whole and size != ""
        if size:
            sizes[size] += 1
            first_of.setdefault(size, name)
        if fault:
            problems.append(f"{name}: {fault}")
        if progress is not None:
            progress(number + 1, len(index.names))
    if labels and len(sizes) > 1:
        usual = sizes.most_common(1)[0][0]
        problems += [
            f"{first_of[s]}: is {s}, most images are {usual} ({n} like it)"
            for s, n in sizes.items()
            if s != usual
        ]
    return DatasetReport(
        path=str(path), images=len(index.names), labelled=index.labels is not None, sizes=dict(sizes), decoded=decoded,
        problems=tuple(problems[:MOST_LINES]), problem_count=len(problems), notes=_notes(index),
    )  # fmt: skip


def _look(source: Source, name: str, *, whole: bool, labels: bool, resolution: int | None) -> tuple[str, str]:
    """(size as text, fault) of one image."""
    try:
        data = source.read(name, MAX_IMAGE_BYTES)
        width, height = image_size(data)
        size = f"{width} x {height}"
        if whole:
            decode(data, crop=True)
    except InputError as error:
        return "", f"unreadable, {error.what}" + (f" ({error.got})" if error.got else "")
    except BadImage as error:
        return "", f"unreadable, {error}"
    if labels and width != height:
        return size, f"is {size}, not square"
    if resolution is not None and min(width, height) < resolution:
        return size, f"is {size}, smaller than {resolution}"
    return size, ""


def _notes(index: ImageIndex) -> tuple[str, ...]:
    notes = []
    if index.unlabelled:
        notes.append(f"{index.unlabelled} images have no label and are left out")
    if index.stored_mirrors:
        notes.append("the set holds mirrored copies itself (NAME_mirror); none are made on the fly")
    return tuple(notes)
