"""How much a foreign file may ask for, and the counters that hold it to that.

Real files need a few per cent of these (an EG3D file of full size: about 0.1 million steps).
"""

from __future__ import annotations

from dataclasses import dataclass

from core_model.checkpoints.importing.refusal import Refusal


@dataclass(frozen=True)
class Limits:
    """Bounds of one import; every one of them ends in one line when it is passed."""

    file_bytes: int = 8 << 30
    steps: int = 1_000_000  # pickle opcodes, with those of the storages and the items of copied containers
    marks: int = 1000  # containers open at the same time
    text_bytes: int = 16 << 20  # one string
    all_text_bytes: int = 256 << 20
    integer_bytes: int = 64
    tuple_keys: int = 1000  # their hash is not randomised: many could be made to collide
    tensor_ratio: int = 4  # bytes of float32 tensors against bytes of the file (int8 widens by four)
    tensor_slack: int = 1 << 20
    dimensions: int = 8
    nodes: int = 100_000  # values that are turned into plain data
    depth: int = 48  # nesting of plain data
    module_depth: int = 24
    modules: int = 20_000
    tensors: int = 20_000  # of one network
    name_length: int = 200  # module names and class names
    archive_entries: int = 100_000


DEFAULT_LIMITS = Limits()


class Budget:
    """What one import has used so far."""

    def __init__(self, limits: Limits, file_bytes: int) -> None:
        self.limits = limits
        self.steps = self._text = self._tensor_bytes = self._nodes = self._tuple_keys = 0
        self._tensor_limit = limits.tensor_ratio * file_bytes + limits.tensor_slack

    def step(self, count: int = 1) -> None:
        """One opcode, or `count` items copied from one container to another."""
        self.steps += count
        if self.steps > self.limits.steps:
            raise Refusal(
                "the pickle does not come to an end", f"at most {self.limits.steps:,} steps", "more"
            )

    def text(self, size: int) -> None:
        """A string of `size` bytes is about to be made."""
        if size > self.limits.text_bytes:
            raise Refusal("text is too long", f"at most {self.limits.text_bytes:,} bytes", f"{size:,}")
        self._text += size
        if self._text > self.limits.all_text_bytes:
            raise Refusal("too much text", f"at most {self.limits.all_text_bytes:,} bytes in all", "more")

    def tensor(self, size: int) -> None:
        """A tensor of `size` bytes is about to be made."""
        self._tensor_bytes += size
        if self._tensor_bytes > self._tensor_limit:
            raise Refusal(
                "tensors are larger than the file can hold",
                f"at most {self._tensor_limit:,} bytes",
                f"{self._tensor_bytes:,} and more",
            )

    def node(self, count: int = 1) -> None:
        """`count` values are about to become plain data."""
        self._nodes += count
        if self._nodes > self.limits.nodes:
            raise Refusal("too many settings", f"at most {self.limits.nodes:,} values", "more")

    def tuple_key(self) -> None:
        """A tuple is about to be the key of a dict or a member of a set."""
        self._tuple_keys += 1
        if self._tuple_keys > self.limits.tuple_keys:
            raise Refusal("too many tuples as keys", f"at most {self.limits.tuple_keys:,}", "more")
