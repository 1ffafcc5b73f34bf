"""One recorded iteration of a program's loop: phases in order, each stepping Adam, then the running average."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial, reduce
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.parity.networks import Named
from benchmarks.parity.recording import LIMIT, Row, Table
from core_model.training.gan.phases.average import average_into, repair_gradients
from core_model.training.gan.phases.schedules import AdamRule
from core_model.training.gan.phases.term import Term

FLOOR = 1e-4
"""Share of an array's largest gradient below which the direction of Adam's first step is rounding's."""


def fresh(net: Named) -> Named:
    """A copy without gradients."""
    module = copy.deepcopy(net.module)
    new = dict(module.named_parameters())
    old = {id(p): n for n, p in net.module.named_parameters()}
    return Named(module, {name: new[old[id(p)]] for name, p in net.parameters.items()})


def run_phase(
    terms: Iterable[Term], learning: nn.Module, others: Iterable[nn.Module], gain: float
) -> list[Term]:
    """Differentiates a phase's terms with its gain; only `learning` collects gradients."""
    for module in others:
        module.requires_grad_(False)
    learning.requires_grad_(True)
    for p in learning.parameters():
        p.grad = None
    done = []
    for term in terms:
        (term.value * gain).backward()
        done.append(term)
    return done


class Stepper:
    """Adam for one network, and which entries its steps decide clearly."""

    def __init__(self, net: Named, rule: AdamRule) -> None:
        self.net = net
        self.adam = torch.optim.Adam(
            net.module.parameters(), lr=rule.lr, betas=(rule.beta1, rule.beta2), eps=1e-8
        )
        self.clear: dict[str, Tensor] = {}
        self._before: dict[str, Tensor] = {}

    def step(self) -> None:
        """A step. It decides an entry clearly where the gradient is far above the array's rounding, or adds
        nothing beside what earlier steps left in Adam's second moment.
        """
        for name, grad in self.net.gradients().items():
            size = grad.abs()
            before = self._before.get(name, torch.zeros_like(size))
            largest = torch.maximum(size.max(), before.max())
            clear = (size > FLOOR * largest) | (size < FLOOR * before) | (size == 0)
            self.clear[name] = clear & self.clear.get(name, torch.ones_like(clear))
            self._before[name] = torch.maximum(size, before)
        repair_gradients(self.net.module)
        self.adam.step()


def check_weights(table: Table, prefix: str, stepper: Stepper, values: dict[str, Tensor]) -> None:
    """Stepped parameters below a prefix, where the gradients are well above rounding."""
    for name in table.recording.below(prefix):
        full = f"{prefix}/{name}"
        if name not in values:
            table.fail(full, "no such parameter here")
            continue
        clear = stepper.clear.get(name)
        value, left = values[name], 0
        if clear is not None and not bool(clear.all()):
            left = int((~clear).sum())
            want = table.recording.tensor(full).reshape(value.shape)
            value = torch.where(clear, value, want)
        note = f"{left} of {value.numel()} entries left out: gradients of rounding" if left else ""
        table.check(full, value, note=note)


def average_of(before: Named, after: Named, keep: float) -> Named:
    """`before` (the average) moved towards `after`."""
    average_into(before.module, after.module, keep)
    return before


def check_recorded(
    table: Table,
    phase: Callable[[str, Table], None],
    iteration: Callable[[Table], None],
    nets: Iterable[Named],
) -> None:
    """The phases of a recording, each from the recorded weights, and one iteration of the loop where it holds one.

    phase, iteration: compute one and fill a table. nets: whose weights they start from.
    """
    nets = list(nets)
    for name in table.recording.phases():
        if not name.startswith("iter"):
            _check(table, partial(phase, name), nets)
    if table.recording.below("out/iter"):
        _check(table, iteration, nets)


def _check(table: Table, run: Callable[[Table], None], nets: list[Named]) -> None:
    """The results of `run`. Where one is off, runs with all weights moved by one rounding say how much rounding
    alone decides.

    Adam's first step has the sign of the gradient only, so weights whose gradient is near zero step one way or
    the other by rounding, and the phases after it see other networks; gradients that cancel (of a bias under
    the difference of two densities) are rounding's altogether. A few entries of an array that such runs place
    further apart than the limit are left out; elsewhere the result may be off by twice what the runs differ
    from each other, and as far as any of them is off the others by the same rule. The row says both.
    """
    before = len(table.rows)
    run(table)
    rows = table.rows[before:]
    if all(row.ok for row in rows):
        return
    runs = [rows]
    kept = [[p.detach().clone() for p in net.module.parameters()] for net in nets]
    for seed in range(RUNS):
        rng = torch.Generator().manual_seed(seed)
        for net, values in zip(nets, kept, strict=True):
            move(net.module, values, rng)
        other = Table(table.recording)
        run(other)
        runs.append(other.rows)
    for net, values in zip(nets, kept, strict=True):
        move(net.module, values, None)
    for number, row in enumerate(rows):
        if not row.ok:
            allow_rounding(row, [run[number] for run in runs])


RUNS, ONE_ROUNDING = 5, 1e-7
MARGIN = 2.0
"""The recorded run is one more draw of the same rounding: of normal ones, 3 in 10,000 are twice the range of six apart."""
FEW = 0.05
"""Share of an array's entries (but always one of several) that may be left out as decided by rounding."""


def allow_rounding(row: Row, runs: list[Row]) -> None:
    """Corrects the error of a row by what rounding decides; runs: the same result of every run, the first unmoved."""
    if not np.isfinite(row.error):  # no rounding makes a value that is none, and max(0, NaN) would be 0
        return
    said = f"{row.note}; off by {row.error:.1e}" if row.note else f"off by {row.error:.1e}"
    pairs = {(a, b): runs[a].apart(runs[b]) for a, b in combinations(range(len(runs)), 2)}
    if row.off is None or not all(spread.size for spread in pairs.values()):
        return
    off, apart, left = decided(row.off, list(pairs.values()))
    if left:
        said += f", {left} of {off.size} entries left out as rounding's, the others by {float(off.max()):.1e}"
    for one in range(1, len(runs)):
        without = [spread for pair, spread in pairs.items() if one not in pair]
        apart = max(apart, float(decided(pairs[0, one], without)[0].max()))
    row.note = f"{said}; runs with weights moved by one rounding are {apart:.1e} apart"
    row.error = max(0.0, float(off.max()) - MARGIN * apart)


def decided(
    off: np.ndarray[Any, Any], spreads: list[np.ndarray[Any, Any]]
) -> tuple[np.ndarray[Any, Any], float, int]:
    """A difference without the few entries that other runs place too far apart; how far these runs are apart elsewhere,
    and how many entries were left out.

    off: from the unmoved run; spreads: differences of pairs of other runs. It is asked for the recording and, to know how
    far off such a difference can be by rounding alone, for each moved run beside those that remain: where a unit's sign
    changes, an entry jumps in one run of many and in no other.
    """
    spread = reduce(np.maximum, spreads)
    open_ = spread > LIMIT
    left = int(open_.sum())
    if off.size == 1 or not 0 < left <= max(1, FEW * off.size):
        return off, float(spread.max()), 0
    return np.where(open_, 0.0, off), float(np.where(open_, 0.0, spread).max()), left


@torch.no_grad()
def move(module: nn.Module, values: list[Tensor], rng: torch.Generator | None) -> None:
    """The module's parameters to `values`, each times 1 + 1e-7·N where there is a generator."""
    for p, value in zip(module.parameters(), values, strict=True):
        p.copy_(
            value if rng is None else value * (1.0 + ONE_ROUNDING * torch.randn(value.shape, generator=rng))
        )
