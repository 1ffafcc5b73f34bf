"""Which series share a chart.

Related series share one, every other series has its own. Names of native runs and of the EG3D family are
known; others are grouped by the beginning of their name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core_model.schema.glossary import SWD


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    name: str
    label: str


@dataclass(frozen=True)
class Chart:
    """One chart. unit: of its y axis, "" for none. log: a logarithmic axis suits it."""

    group: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    log: bool = False

    def fits(self, words: str) -> bool:
        """Whether every typed word is in its group, title, labels or names."""
        text = " ".join(
            [self.group, self.title, *(f"{line.name} {line.label}" for line in self.lines)]
        ).lower()
        return all(word in text for word in words.lower().split())


@dataclass(frozen=True)
class _Known:
    group: str
    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    log: bool = False


GROUPS = ("Metrics", "Losses", "Discriminator", "Surface", "Sampler", "Schedule", "Speed", "Memory", "Other")
_KNOWN = (
    _Known("Losses", "Adversarial loss", "", ((r"loss/G|Loss/G/loss", "G"), (r"loss/D|Loss/D/loss", "D"))),
    _Known("Losses", "Adversarial loss of patches", "", ((r"loss/G_patch", "G"), (r"loss/D_patch", "D"))),
    _Known(
        "Losses",
        "R1 penalty",
        "",
        ((r"r1|Loss/r1_penalty", "R1"), (r"r1_patch", "R1 of patches"), (r"Loss/D/reg", "D reg")),
        log=True,
    ),
    _Known(
        "Losses",
        "Density regulariser",
        "",
        ((r"density", "neighbours"), (r"density1", "second term")),
        log=True,
    ),
    _Known(
        "Losses",
        "Gradient norm",
        "",
        (
            (r"grad/(G|generator)|Gradients/G.*", "G"),
            (r"grad/(D|discriminator)|Gradients/D.*", "D"),
            (r"grad/r1", "R1"),
            (r"grad/density", "density"),
        ),
        log=True,
    ),
    _Known(
        "Discriminator",
        "Signs of the logits",
        "",
        ((r"signs?/real|Loss/signs/real", "real"), (r"signs?/fake|Loss/signs/fake", "fake")),
    ),
    _Known(
        "Discriminator",
        "Logits",
        "",
        ((r"logits/real|Loss/scores/real", "real"), (r"logits/fake|Loss/scores/fake", "fake")),
    ),
    _Known("Discriminator", "Augmentation p", "", ((r"augment_p|Progress/augment", "ADA p"),)),
    _Known(
        "Surface",
        "Beta",
        "world units",
        ((r"beta|beta/mean", "mean"), (r"schedule/surface_target|beta/target", "target")),
        log=True,
    ),
    _Known("Surface", "Surface loss", "", ((r"surface", "surface"), (r"decision", "decision"))),
    _Known("Surface", "Spread of depth", "world units", ((r"depth_std", "std"),)),
    _Known("Surface", "Opacity", "", ((r"opacity", "mean"),)),
    _Known("Sampler", "Proposal cross-entropy", "nats", ((r"sampler", "proposal"),)),
    _Known("Sampler", "Proposal entropy", "nats", ((r"(sampler|proposal)[/_]entropy", "entropy"),)),
    _Known(
        "Schedule",
        "Learning rates",
        "",
        (
            (r"(schedule/|lr/|)(lr[/_]G|generator_lr)", "G"),
            (r"(schedule/|lr/|)(lr[/_]D|discriminator_lr)", "D"),
        ),
    ),
    _Known("Schedule", "Resolution", "pixels", ((r"schedule/resolution", "edge"),)),
    _Known(
        "Schedule",
        "Proposals",
        "on / off",
        ((r"schedule/supervise", "trained"), (r"schedule/propose", "used")),
    ),
    _Known("Speed", "Throughput", "images/s", ((r"speed/images_s", "images"),)),
    _Known("Speed", "Time of a tick", "s", ((r"Timing/sec_per_tick", "tick"),)),
    _Known("Speed", "Time of 1000 images", "s", ((r"Timing/sec_per_kimg", "kimg"),)),
    _Known(
        "Memory",
        "Memory",
        "MiB",
        (
            (r"memory/gpu_reserved", "GPU reserved"),
            (r"memory/(gpu|cuda|device)(_peak)?", "GPU"),
            (r"memory/(cpu|host|rss|process).*", "host"),
        ),
    ),
    _Known(
        "Memory",
        "Memory",
        "GB",
        (
            (r"Resources/peak_gpu_mem_gb", "GPU"),
            (r"Resources/peak_gpu_mem_reserved_gb", "GPU reserved"),
            (r"Resources/cpu_mem_gb", "host"),
        ),
    ),
)
_SCORES = {
    "fid": "FID",
    "normal_fid": "Normal-FID",
    "kid": "KID",
    "swd": SWD.title,
    "non_flatness": "Non-flatness",
    "flatness": "Non-flatness",
}
_SHORT = frozenset(["fid", "kid", "swd", "nfs", "psnr", "id", "is"])
_FRONTS = (
    (r"ms/|speed/ms/|speed/(?=\w+_ms$)", "Speed", "Time by phase", "ms"),
    (r"schedule/", "Schedule", "", ""),
    (r"speed/|Timing/", "Speed", "", ""),
    (r"memory/|Resources/", "Memory", "", ""),
    (r"Loss/|loss/", "Losses", "", ""),
    (r"(fid|kid|normal_fid|swd|is|pr|ppl)\w*$", "Metrics", "", ""),
)


def charts(names: list[str], metrics: frozenset[str] = frozenset()) -> tuple[Chart, ...]:
    """Charts of all `names`, each name in exactly one; `metrics`: names that evaluations wrote."""
    left = dict.fromkeys(names)
    made: list[Chart] = []
    for known in _KNOWN:
        lines = [
            Line(n, label)
            for pattern, label in known.lines
            for n in left
            if n not in metrics and re.fullmatch(pattern, n)
        ]
        for line in lines:
            left.pop(line.name, None)
        if lines:
            made.append(Chart(known.group, known.title, known.unit, tuple(lines), known.log))
    together: dict[tuple[str, str, str], list[Line]] = {}
    for name in left:
        chart = _alone(name, name in metrics)
        key = (chart.group, chart.title, chart.unit)
        together.setdefault(key, []).extend(chart.lines)
    made += [Chart(*key, tuple(lines)) for key, lines in together.items()]
    return tuple(sorted(made, key=lambda c: GROUPS.index(c.group)))


def _alone(name: str, metric: bool) -> Chart:
    by_size = re.fullmatch(r"swd_(\d+)", name) if metric else None
    if by_size is not None:
        return Chart("Metrics", f"{SWD.title} by size", "", (Line(name, f"{by_size[1]} px"),))
    if metric:
        return Chart(
            "Metrics",
            _SCORES.get(name.lower(), _words(name)),
            "",
            (Line(name, _SCORES.get(name.lower(), name)),),
        )
    for front, group, title, unit in _FRONTS:
        found = re.match(front, name)
        if found:
            rest = name[found.end() :] or name
            return Chart(group, title or _words(rest), unit, (Line(name, rest),))
    return Chart("Other", _words(name), "", (Line(name, name.rsplit("/", 1)[-1]),))


def score_title(name: str) -> str:
    """Name of an evaluation's figure as a heading: FID, SWD 16, Non flatness."""
    words = re.split(r"[_/ ]+", name)
    return " ".join(
        w.upper() if w.lower() in _SHORT else (w.capitalize() if i == 0 else w) for i, w in enumerate(words)
    )


def _words(name: str) -> str:
    text = re.sub(r"[_/]+", " ", name).strip()
    return text[:1].upper() + text[1:] if text else name
