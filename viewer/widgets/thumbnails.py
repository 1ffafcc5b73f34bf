"""Small pictures of latents, asked for whenever the renderer has time, and kept in one texture per panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question import PictureQuestion
from core_model.schema.render import RenderRequest
from viewer.state.document import Document
from viewer.state.latent_walk import Walk
from viewer.state.query_cache import QueryCache
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

if TYPE_CHECKING:
    from viewer.gl.atlas import Atlas


def at_rest(doc: Document, picture: ShownPicture, walk: Walk) -> bool:
    """Whether the displayed picture is that of the present latent; thumbnails during a drag would be wasted."""
    shown = picture.result.request if picture.result is not None else None
    return shown is not None and shown.latent == doc.latent and not walk.playing


def as_bytes(rgb: np.ndarray) -> np.ndarray:
    """[3, H, W] in [0, 1] → [H, W, 3] uint8."""
    return (np.clip(np.nan_to_num(rgb), 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8).transpose(1, 2, 0)


class Thumbnails:
    """Pictures `edge` pixels square, by their requests; `columns` × `rows` of them are kept."""

    def __init__(self, edge: int, columns: int = 8, rows: int = 4) -> None:
        self.edge = edge
        self._shape = (columns, rows)
        self._atlas: Atlas | None = None

    def draw(
        self,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        request: RenderRequest,
        low: ImVec2,
        high: ImVec2,
        wanted: bool = True,
    ) -> bool:
        """Draw the picture into a rectangle of the screen, which is empty until the picture is there; returns
        whether it is.

        wanted: request it when it is missing.
        """
        draw, rounding = imgui.get_window_draw_list(), imgui.get_style().frame_rounding
        box = self._box(info, queries, request, wanted)
        if box is None or self._atlas is None:
            draw.add_rect_filled(low, high, theme.colour(theme.palette.field), rounding)
            return False
        texture = imgui.ImTextureRef(self._atlas.handle)
        white = imgui.color_convert_float4_to_u32((1.0, 1.0, 1.0, 1.0))
        draw.add_image_rounded(texture, low, high, ImVec2(*box[:2]), ImVec2(*box[2:]), white, rounding)
        return True

    def _box(
        self, info: CheckpointInfo | None, queries: QueryCache, request: RenderRequest, wanted: bool
    ) -> tuple[float, float, float, float] | None:
        key = ("" if info is None else info.sha256, request)  # a file may have changed under its path
        found = self._atlas.box(key) if self._atlas is not None else None
        if found is not None or not wanted:
            return found
        question = PictureQuestion(checkpoint=request.checkpoint, request=request)
        answer = queries.want(question)
        if answer is None:
            return None
        if self._atlas is None:
            from viewer.gl.atlas import Atlas

            self._atlas = Atlas(self.edge, *self._shape)
        self._atlas.put(key, as_bytes(answer.arrays["rgb"]))
        queries.forget(question)
        return self._atlas.box(key)

    def close(self) -> None:
        """Frees the texture; needs the window's context."""
        if self._atlas is not None:
            self._atlas.delete()
            self._atlas = None
