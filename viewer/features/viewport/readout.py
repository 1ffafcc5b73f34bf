"""The value under the cursor, as lines beside the picture and as text for the clipboard."""

from __future__ import annotations

from viewer.state.document import Document
from viewer.widgets.context import PanelContext
from viewer.widgets.ticks import fixed


def lines(doc: Document, ctx: PanelContext) -> list[tuple[str, bool]]:
    """(text, strong): pixel, the shown map's value, that of B, and the depth; empty while the cursor is elsewhere."""
    hover, result, shown = ctx.viewport.hover, ctx.result, ctx.viewport.drawn or ctx.shown_map(doc)
    if hover is None or result is None or shown is None:
        return []
    x, y = int(hover[0] * result.width), int(hover[1] * result.height)
    out = [(f"x {x:>4}  y {y:>4}", False)]
    named = [(shown.channel, shown.under(*hover), True)]
    beside = ctx.viewport.beside
    if beside is not None:
        named.append((beside.channel.replace(title=f"B {beside.channel.title}"), beside.under(*hover), False))
    depth = ctx.channel("depth")
    if depth is not None and depth.name not in [info.name for info, _, _ in named] and depth.name in ctx.frames.arrays:
        named.append((depth, ctx.frames.under(depth.name, *hover), False))
    for info, found, strong in named:
        text = "no value" if found is None else "  ".join(fixed(v, info.decimals) for v in found)
        out.append((f"{info.title}  {text} {info.unit if found else ''}".rstrip(), strong))
    return out


def text(doc: Document, ctx: PanelContext) -> str:
    """The same as plain text: "x 12, y 40; Depth 2.531 world units"; empty while the cursor is elsewhere."""
    found = [" ".join(line.split()) for line, _ in lines(doc, ctx)]
    return "; ".join([found[0].replace(" y", ", y"), *found[1:]]) if found else ""
