"""The value under the cursor, as lines beside the picture and as text for the clipboard."""

from __future__ import annotations

from viewer.state.shown_map import ShownMap
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.ticks import fixed


def lines(
    picture: ShownPicture, hover: tuple[float, float] | None, shown: ShownMap, beside: ShownMap | None
) -> list[tuple[str, bool]]:
    """(text, strong): pixel, the shown map's value, that of B, and the depth; empty while the cursor is elsewhere."""
    result = picture.result
    if hover is None or result is None:
        return []
    x, y = int(hover[0] * result.width), int(hover[1] * result.height)
    out = [(f"x {x:>4}  y {y:>4}", False)]
    named = [(shown.channel, shown.under(*hover), True)]
    if beside is not None:
        named.append((beside.channel.replace(title=f"B {beside.channel.title}"), beside.under(*hover), False))
    depth = picture.channel("depth")
    if (
        depth is not None
        and depth.name not in [info.name for info, _, _ in named]
        and depth.name in picture.frames.arrays
    ):
        named.append((depth, picture.frames.under(depth.name, *hover), False))
    for info, found, strong in named:
        text = "no value" if found is None else "  ".join(fixed(v, info.decimals) for v in found)
        out.append((f"{info.title}  {text} {info.unit if found else ''}".rstrip(), strong))
    return out


def text(lines: list[tuple[str, bool]]) -> str:
    """The same as plain text: "x 12, y 40; Depth 2.531 world units"; empty while the cursor is elsewhere."""
    found = [" ".join(line.split()) for line, _ in lines]
    return "; ".join([found[0].replace(" y", ", y"), *found[1:]]) if found else ""
