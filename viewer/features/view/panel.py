"""Which channel is shown, and how: colour map, range, histogram, enlargement of quality while moving."""

from __future__ import annotations

from collections.abc import Sequence

from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.colormaps import colormaps
from viewer.features.view import legends
from viewer.state.document import ChannelView, Document
from viewer.state.shown_map import AXES, OUTLINED, as_drawn
from viewer.widgets import choice_rows, color_bar, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.histogram import PERCENTS
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import fixed

_BACKGROUNDS = (
    (None, "Model", "The colour that the checkpoint was trained with"),
    ((0.0, 0.0, 0.0), "Black", "sRGB 0"),
    ((0.5, 0.5, 0.5), "Grey", "sRGB 0.5"),
    ((1.0, 1.0, 1.0), "White", "sRGB 1"),
)


_FRAME_NOTES = {
    "world": "x right, y up, z towards the front of the subject.",
    "camera": "x right, y up, z towards the camera.",
}


class ViewPanel:
    def draw(
        self, doc: Document, theme: Theme, info: CheckpointInfo | None, picture: ShownPicture
    ) -> Document:
        if info is None:
            controls.note(theme, "The channels appear when a checkpoint is open.")
            return doc
        doc = self._channel(doc, theme, info)
        channel = picture.channel(doc.view.channel)
        if channel is None:
            return doc
        if channel.description:
            controls.note(theme, channel.description)
        doc = self._vector(doc, theme, channel)
        wanted, channel = channel, as_drawn(channel, doc.view.of(channel.name, channel))
        if channel.kind == "scalar":
            doc = self._colours(doc, theme, picture, channel)
            doc = self._lines(doc, theme, picture, channel, wanted)
        elif channel.kind == "direction":
            legends.normal_ball(theme)
            controls.note(
                theme,
                "Red, green and blue are 0.5 + 0.5 times x, y and z of the unit vector; "
                + _FRAME_NOTES[doc.view.of(channel.name, channel).frame],
            )
        elif channel.kind == "position":
            shown = picture.shown_range(doc, channel)
            legends.position_axes(theme, shown.low, shown.high, min(channel.decimals, 2))
            doc = self._range(doc, theme, picture, channel)
        elif channel.name in picture.frames.arrays:
            rgb = picture.frames.arrays[channel.name]
            legends.colour_counts(theme, picture.histograms.colours(picture.frames.version, rgb))
        return self._background(doc, theme)

    def _background(self, doc: Document, theme: Theme) -> Document:
        known = [colour for colour, _, _ in _BACKGROUNDS]
        now = doc.background if doc.background in known else None
        chosen = choice_rows.segmented(
            theme,
            "Background",
            "background",
            now,
            _BACKGROUNDS,
            tip="Colour behind the subject; the picture is rendered again",
        )
        return doc if chosen == now else doc.replace(background=chosen)

    def _channel(self, doc: Document, theme: Theme, info: CheckpointInfo) -> Document:
        missing = tuple(c.name for c in info.channels if c.needs_proposal and not info.has_proposal)
        options = []
        for number, c in enumerate(info.channels, 1):
            digit = f"{theme.key(f'channel-{number}'):<3} "
            hint = "Needs a checkpoint with a proposal network" if c.name in missing else c.description
            options.append((c.name, f"{digit}{c.title}", hint))
        chosen = choice_rows.combo(
            theme,
            "Channel",
            "##channel",
            doc.view.channel,
            options,
            unavailable=missing,
            tip="What the picture shows; the list names the key of each channel",
        )
        return doc if chosen == doc.view.channel else doc.replace(view=doc.view.with_channel(chosen))

    def _colours(self, doc: Document, theme: Theme, picture: ShownPicture, channel: ChannelInfo) -> Document:
        view = doc.view.of(channel.name, channel)
        shown = picture.shown_range(doc, channel)
        color_bar.horizontal_bar(
            theme,
            channel,
            view.colormap,
            view.invert,
            shown,
            picture.histogram(doc, channel),
            picture.marked(doc),
        )
        options = [(m.name, m.title, f"{m.kind}; {m.origin}") for m in colormaps().values()]
        name = self._map_combo(theme, view.colormap, options)
        invert = choice_rows.toggle(theme, "Invert", "##invert", view.invert, tip="Turn the colour map round")
        doc = self._keep(doc, view, view.replace(colormap=name, invert=invert))
        doc = self._range(doc, theme, picture, channel)
        found = picture.histogram(doc, channel)
        if found is not None and found.empty_share < 1.0:
            d = channel.decimals
            low, high = found.extremes
            controls.value_row(
                theme,
                "Extremes",
                f"{fixed(low, d)} to {fixed(high, d)}",
                f"Smallest and largest value in the picture, {channel.unit}",
            )
            controls.value_row(
                theme, "Mean", f"{fixed(found.mean, d)} {channel.unit}", "Over the pixels that have a value"
            )
            if found.percentiles:
                figures_row(
                    theme,
                    "Percentiles",
                    [
                        (
                            f"{p} %",
                            fixed(v, d),
                            f"{p} % of the pixels that have a value lie below {fixed(v, d)} {channel.unit}".rstrip(),
                        )
                        for p, v in zip(PERCENTS, found.percentiles, strict=True)
                    ],
                    f"The value below which that share of the pixels lies, {channel.unit or 'no unit'}",
                )
            if channel.name == "missed":
                controls.value_row(
                    theme, "Missed", f"{100 * found.mean:.2f} %", "Of the rays that meet the surface"
                )
            controls.value_row(
                theme, "No value", f"{100 * found.empty_share:.1f} %", "Pixels without a value (checkerboard)"
            )
        return doc

    def _vector(self, doc: Document, theme: Theme, channel: ChannelInfo) -> Document:
        """Frame and component of channels that hold three numbers."""
        if channel.kind not in ("direction", "position"):
            return doc
        view = fresh = doc.view.of(channel.name, channel)
        if channel.kind == "direction":
            options = (("world", "World", "Axes of the scene"), ("camera", "Camera", _FRAME_NOTES["camera"]))
            frame = choice_rows.segmented(
                theme, "Frame", "frame", view.frame, options, tip="Axes of the normals"
            )
            fresh = fresh.replace(frame=frame)
        parts = (
            ("all", "xyz", "As red, green and blue"),
            *((a, a, f"{a} alone, with a colour map") for a in AXES),
        )
        component = choice_rows.segmented(
            theme, "Component", "component", view.component, parts, tip="All three as colour, or one as a map"
        )
        return self._keep(doc, view, fresh.replace(component=component))

    def _lines(
        self, doc: Document, theme: Theme, picture: ShownPicture, channel: ChannelInfo, wanted: ChannelInfo
    ) -> Document:
        """Iso-lines, and the outline of the chosen hard rays where the channel is about budgets."""
        view = fresh = doc.view.of(channel.name, channel)
        iso = choice_rows.toggle(
            theme, "Iso-lines", "##iso", view.iso, tip="Lines of equal value over the map"
        )
        fresh = fresh.replace(iso=iso)
        if iso:
            step = picture.iso_step(doc.replace(view=doc.view.with_channel_view(fresh)), channel)
            typed = number_rows.drag_float(
                theme, "Step", "##iso-step", step, speed=max(step, 1e-6) / 100, low=1e-6, high=1e6,
                fmt=f"%.{channel.decimals + 1}f {channel.unit}".rstrip(),
                tip=f"From line to line, {channel.unit or 'no unit'}; follows the range until it is set",
            )  # fmt: skip
            if typed != step and typed > 0:
                fresh = fresh.replace(iso_step=typed)
        elif view.iso:
            fresh = fresh.replace(iso_step=None)
        if wanted.name in OUTLINED:
            learned = doc.sampler.name == "learned" and doc.sampler.adaptive
            why_not = "" if learned else "Only the learned sampler with adaptive budgets chooses hard rays"
            outline = choice_rows.toggle(
                theme, "Outline", "##outline", view.outline, why_not=why_not,
                tip="Around the rays with the largest leftover mass: those get the large budget",
            )  # fmt: skip
            fresh = fresh.replace(outline=outline)
            shown = picture.shown_map(doc)
            if outline and shown is not None and shown.chosen is not None:
                share = 100 * float(shown.chosen.mean())
                controls.value_row(theme, "Chosen", f"{share:.1f} % of the pixels", "Outlined in the picture")
        return self._keep(doc, view, fresh)

    def _map_combo(self, theme: Theme, value: str, options: list[tuple[str, str, str]]) -> str:
        """A combo whose entries show their gradient."""
        controls.label(theme, "Colours", "Colour map of this channel; never renders again")
        preview = next((title for name, title, _ in options if name == value), value)
        if choice_rows.begin_combo(theme, "##colormap", preview):
            em = theme.em
            for name, title, hint in options:
                corner = imgui.get_cursor_screen_pos()
                width = imgui.get_content_region_avail().x
                if imgui.selectable(f"{title}###{name}", name == value)[0]:
                    value = name
                controls.tooltip(hint)
                left = ImVec2(corner.x + max(5.5 * em, 0.45 * width), corner.y + 0.12 * em)
                color_bar.gradient(
                    theme,
                    left,
                    ImVec2(corner.x + width, corner.y + 0.95 * em),
                    name,
                    invert=False,
                    vertical=False,
                )
            imgui.end_combo()
        else:
            controls.tooltip("Colour map of this channel; never renders again")
        return value

    def _range(self, doc: Document, theme: Theme, picture: ShownPicture, channel: ChannelInfo) -> Document:
        view = doc.view.of(channel.name, channel)
        shown = picture.shown_range(doc, channel)
        options = (
            (True, "Auto", "Smallest and largest value of each picture"),
            (False, "Fixed", "Two numbers that stay while the view turns"),
        )
        auto = choice_rows.segmented(
            theme, "Range", "range", view.auto_range, options, tip="Values that the colour map spans"
        )
        fresh = view
        if auto != view.auto_range:
            fresh = view.replace(auto_range=auto, low=shown.low, high=shown.high)
        why_not = "The range follows the picture; choose Fixed to set it" if auto else ""
        span = max(shown.high - shown.low, 1e-3)
        low = number_rows.drag_float(
            theme,
            "Low",
            "##low",
            shown.low,
            speed=span / 300,
            low=-1e6,
            high=1e6,
            fmt=f"%.{channel.decimals}f {channel.unit}".rstrip(),
            tip=f"Value of the colour map's first colour, {channel.unit or 'no unit'}",
            why_not=why_not,
        )
        high = number_rows.drag_float(
            theme,
            "High",
            "##high",
            shown.high,
            speed=span / 300,
            low=-1e6,
            high=1e6,
            fmt=f"%.{channel.decimals}f {channel.unit}".rstrip(),
            tip=f"Value of the colour map's last colour, {channel.unit or 'no unit'}",
            why_not=why_not,
        )
        if not auto and (low, high) != (shown.low, shown.high):
            fresh = fresh.replace(low=low, high=high)
        return self._keep(doc, view, fresh)

    def _keep(self, doc: Document, old: ChannelView, new: ChannelView) -> Document:
        return doc if new == old else doc.replace(view=doc.view.with_channel_view(new))


FEATURES.add("view", lambda: Feature(ViewPanel()))


def figures_row(theme: Theme, text: str, figures: Sequence[tuple[str, str, str]], tip: str) -> None:
    """A property row of (caption, value, tooltip)."""
    controls.label(theme, text, tip)
    left, room = imgui.get_cursor_pos_x(), imgui.get_content_region_avail().x
    with controls.font(theme.fonts.body, BODY_PX * 0.9):
        widest = max(
            (imgui.calc_text_size(t).x for caption, value, _ in figures for t in (caption, value)),
            default=1.0,
        )
    columns = min(max(int(room / (widest + 0.5 * theme.em)), 1), len(figures))
    for index, (caption, value, hint) in enumerate(figures):
        column = index % columns
        if column:
            imgui.same_line(left + column * room / columns)
        elif index:
            imgui.set_cursor_pos_x(left)
        imgui.begin_group()
        with controls.font(theme.fonts.body, BODY_PX * 0.78), controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(caption)
        with controls.font(theme.fonts.body, BODY_PX * 0.9):
            imgui.text_unformatted(value)
        imgui.end_group()
        controls.tooltip(hint)
