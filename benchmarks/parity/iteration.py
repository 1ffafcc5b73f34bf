"""One recorded iteration of a program's loop: phases in order, each stepping Adam, then the running average."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from itertools import combinations

import torch
from torch import Tensor, nn

from benchmarks.parity.networks import Named
from benchmarks.parity.recording import Table
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


def check_iteration(table: Table, run: Callable[[Table], None], nets: Iterable[Named]) -> None:
    """One iteration by `run`, which takes a table to fill. Where a result is off, the same iteration with all
    weights moved by one rounding says how much rounding alone decides.

    Adam's first step has the sign of the gradient only, so weights whose gradient is near zero step one way or
    the other by rounding, and the phases after it see other networks. A result that is off by no more than
    such runs differ from each other counts as equal; the row says so.
    """
    before = len(table.rows)
    run(table)
    rows = table.rows[before:]
    if all(row.ok for row in rows):
        return
    runs = [rows]
    nets = list(nets)
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
            spread = max(a[number].apart(b[number]) for a, b in combinations(runs, 2))
            row.note = f"{row.note}; " if row.note else ""
            row.note += (
                f"off by {row.error:.1e}; runs with weights moved by one rounding are {spread:.1e} apart"
            )
            row.error = max(0.0, row.error - spread)


RUNS, ONE_ROUNDING = 3, 1e-7


@torch.no_grad()
def move(module: nn.Module, values: list[Tensor], rng: torch.Generator | None) -> None:
    """The module's parameters to `values`, each times 1 + 1e-7·N where there is a generator."""
    for p, value in zip(module.parameters(), values, strict=True):
        p.copy_(
            value if rng is None else value * (1.0 + ONE_ROUNDING * torch.randn(value.shape, generator=rng))
        )
