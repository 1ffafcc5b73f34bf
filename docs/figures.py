"""Draws the figures of the pages from the product itself: `python docs/figures.py` (a few minutes; the results are committed).

One concept each: the channels, the distributions on one ray, the robust set, the adaptive budget.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from core_model import api as triscope
from core_model.report.charts import GRID, SOFT, Chart, Figure
from core_model.report.ray_plot import ray_figure, series_color
from core_model.report.sheet import Sheet
from core_model.schema.ray_look import TITLES

FOLDER = Path(__file__).resolve().parent / "pages" / "figures"
SEED, YAW = 3, 0.35
SIZE = 256
"""Edge of the pictures, pixels."""


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with triscope.open("demo") as head:
        names = tuple(c.name for c in head.info.channels)
        picture = head.render(seed=SEED, yaw=YAW, size=SIZE, channels=names)
        x, y = grazing(picture)
        ray = head.inspect(x, y, picture.request)
    save("channels", channels(picture))
    save("adaptive", adaptive(picture))
    save(
        "ray",
        ray_figure(ray.report.replace(checkpoint="the demo")).resize((1120, 700), Image.Resampling.LANCZOS),
    )
    save("robust", robust(ray))
    print(f"ray at pixel {x}, {y}")


def grazing(picture: triscope.Picture) -> tuple[int, int]:
    """The pixel of the head, not of the shoulders, with the most leftover mass: there the prediction is spread."""
    hard = np.where(picture["opacity"] > 0.9, np.nan_to_num(picture["leftover"]), -1.0)
    hard[round(0.6 * len(hard)) :] = -1.0
    y, x = np.unravel_index(int(hard.argmax()), hard.shape)
    return int(x), int(y)


def channels(picture: triscope.Picture) -> Image.Image:
    """Every channel in its own colours, with its title."""
    edge, gap, columns = 200, 12, 4
    rows = -(-len(picture.channels) // columns)
    sheet = Sheet(
        columns * (edge + gap) + gap,
        rows * (edge + 34) + 70,
        "One head, every channel",
        f"the demo, seed {SEED}",
    )
    for number, (name, channel) in enumerate(picture.channels.items()):
        row, column = divmod(number, columns)
        left, top = gap + column * (edge + gap), 70 + row * (edge + 34)
        sheet.tile(on_white(picture.of(name).image, edge), (left, top))
        sheet.text((left, top + edge + 5), f"{channel.title}  ({name})", size=12)
    return sheet.image()


def adaptive(picture: triscope.Picture) -> Image.Image:
    """Colour, leftover mass, and the samples that follow from it."""
    edge, gap = 256, 16
    mean = picture.result.samples_per_pixel
    shown = (
        ("rgb", "the picture"),
        ("leftover", "leftover mass of the prediction"),
        ("samples", f"samples per ray, {mean:.3g} on average"),
    )
    sheet = Sheet(
        3 * edge + 4 * gap,
        edge + 100,
        "The adaptive budget",
        "the hardest tenth of the rays gets about twice the samples",
    )
    for column, (name, title) in enumerate(shown):
        left = gap + column * (edge + gap)
        sheet.tile(on_white(picture.of(name).image, edge), (left, 70))
        sheet.text((left, 70 + edge + 6), title, size=13)
    return sheet.image()


def robust(ray: triscope.Ray) -> Image.Image:
    """The predicted distribution with the bins of the robust set, and where each strategy puts its samples."""
    report = ray.report
    edges, masses = ray.distributions["prediction"]
    kept = np.array(report.robust_bins)
    low, high = edges[kept.min()], edges[kept.max() + 1]
    span = (float(low - 0.35 * (high - low)), float(high + 0.35 * (high - low)))
    share = float(masses[kept].sum() / masses.sum())
    title = f"{len(kept)} of {len(masses)} bins hold {share:.1%} of the predicted mass"
    figure = Figure(1000, 540, "The robust set", title)
    chart = Chart(
        figure, (120, 100, 970, 330), span, (0.0, 1.08 * float(masses.max())), y_label="mass of a bin"
    )
    for number in kept:
        chart.band(float(edges[number]), float(edges[number + 1]), (220, 240, 233))
    chart.draw_axes()
    chart.steps(edges.tolist(), masses.tolist(), series_color("prediction"))
    chart.legend(
        [("in the robust set", series_color("robust")), (TITLES["prediction"], series_color("prediction"))]
    )
    rows = [(name, ts) for name, ts in ray.samples.items() if name != "final"]
    for number, (name, ts) in enumerate(rows):
        height = 390 + 26 * number
        figure.line([(120, height), (970, height)], GRID)
        for t in ts[(ts >= span[0]) & (ts <= span[1])]:
            figure.line(
                [(chart.x(float(t)), height - 8), (chart.x(float(t)), height + 8)], series_color(name), 1.5
            )
        figure.text((112, height), f"{name}, {len(ts)}", color=series_color(name), anchor="rm")
    figure.text((545, 516), "distance from the camera, world units", color=SOFT, anchor="mm")
    return figure.image()


def on_white(image: Image.Image, edge: int) -> Image.Image:
    """A picture at `edge` pixels, what is transparent of it white."""
    page = Image.new("RGB", image.size, (255, 255, 255))
    page.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return page.resize((edge, edge), Image.Resampling.BICUBIC)


def save(name: str, image: Image.Image) -> None:
    path = FOLDER / f"{name}.webp"
    image.save(path, quality=86, method=6)
    print(path.name, image.size, f"{path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
