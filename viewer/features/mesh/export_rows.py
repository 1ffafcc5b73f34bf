"""Rows of the Mesh panel that say what is written.

Resolution, triangles, colours, axes, file, batch, forecast, and the button.
"""

from __future__ import annotations

from pathlib import Path

import psutil
from imgui_bundle import imgui

from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import (
    MAX_TEXTURE_FACES,
    MESH_SUFFIXES,
    TEXTURE_FACES,
    MeshForecast,
    Up,
    texture_problem,
    up_problem,
)
from viewer.features.mesh.plan import (
    Batch,
    BatchKind,
    Outputs,
    Still,
    arguments,
    default_folder,
    default_name,
    outputs,
    write_inputs,
)
from viewer.jobs.tasks import Tasks
from viewer.runs.format import duration, size
from viewer.state.document import Document
from viewer.state.mesh_settings import RESOLUTIONS, MeshSettings
from viewer.state.query_cache import QueryCache
from viewer.state.requests import for_another_process, forecast_question, mesh_request
from viewer.widgets import choice_rows, controls, number_rows, typed
from viewer.widgets.feature import RequestFrames
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.path_field import PathField
from viewer.widgets.theme import Theme

PAUSE_S, LOOK_S = 0.35, 1.0
_COLOURS = (
    ("vertex", "Vertex", "A colour for every vertex, from the radiance seen from the front"),
    ("texture", "Texture", "A UV atlas with a baked texture (.obj, .glb)"),
    ("none", "None", "The surface alone"),
)
UP_Y: Up = "y"
_AXES: tuple[tuple[Up, str, str], ...] = (
    ("y", "Y", "As in the window: the subject faces +z"),
    ("z", "Z", "For programs with z up, as Blender: the subject faces −y"),
)
_KIND_TIPS = ("PLY, binary", "OBJ with MTL", "glTF, binary", "STL, no colours")
_KINDS = tuple((suffix, suffix[1:], tip) for suffix, tip in zip(MESH_SUFFIXES, _KIND_TIPS, strict=True))
_WISH = FileWish("Mesh to be written", "save", (("Meshes", tuple(MESH_SUFFIXES)), ("All files", ())))
_BATCHES: tuple[tuple[BatchKind, str, str], ...] = (
    ("one", "One mesh", "The present head"),
    ("seeds", "Seeds", "One mesh for each seed"),
    ("between", "To a seed", "Blends in w from the present head to a seed, one mesh a step"),
    ("path", "Camera path", "The latents of the camera path's keys"),
    ("file", "Latents file", "A JSON file with a list of latents, as the command line takes it (--latents)"),
)


class ExportRows:
    """Keeps what is typed: path, batch and the tick to overwrite."""

    def __init__(self) -> None:
        self.typed = ""
        self.batch = Batch()
        self.overwrite = False
        self._folder = ""
        self._suffix = ".glb"
        self._field = PathField("mesh-path", _WISH)
        self._still = Still(PAUSE_S)
        self._planned: tuple[object, float, Outputs] | None = None

    def draw(
        self,
        doc: Document,
        theme: Theme,
        queries: QueryCache,
        tasks: Tasks,
        files: FileChooser,
        request_frames: RequestFrames,
        now: float,
    ) -> MeshSettings:
        """The settings, changed or not."""
        spec = self._quality(doc.mesh, theme)
        self._file(doc, theme, files)
        self._batch(theme)
        found = self._outputs(doc, now)
        if found.existing:
            count = len(found.existing)
            what = found.existing[0].name if count == 1 else f"{count} files"
            self.overwrite = choice_rows.toggle(
                theme,
                "Overwrite",
                "##mesh-overwrite",
                self.overwrite,
                tip=f"{what} would be replaced. Nothing is without this tick",
            )
        why_not = self._forecast(doc, theme, queries, request_frames, now, found)
        why_not = why_not or (
            ""
            if self.overwrite or not found.existing
            else "A file of this name is there: tick Overwrite or change it"
        )
        title = "Export" if len(found.files) < 2 else f"Export {len(found.files)} meshes"
        lost = found.existing if self.overwrite else ()
        if lost:
            names = lost[0].name if len(lost) == 1 else f"{len(lost)} files"
            title = controls.ellipsis(
                f"{title}, replacing {names}", imgui.get_content_region_avail().x - theme.em
            )
        tip = theme.keyed("Start the export as a task of its own; the window stays free", "file.export-mesh")
        if lost:
            tip = "Start the export; what is in these files now is lost:\n" + "\n".join(map(str, lost[:12]))
        if controls.button(
            theme,
            f"{title}###mesh-export",
            tip=tip,
            why_not=why_not,
            primary=not lost,
            danger=bool(lost),
            width=-1.0,
        ):
            self._start(doc, tasks, found)
        return spec

    @property
    def suffix(self) -> str:
        """Suffix of the typed path; the chosen kind while there is none."""
        suffix = Path(self.typed).suffix.lower() if self.typed else self._suffix
        return suffix if suffix in MESH_SUFFIXES else self._suffix

    def path(self, doc: Document) -> str:
        """What is typed, else a name made of checkpoint and seed in the default folder."""
        self._folder = self._folder or str(default_folder())
        return self.typed or str(Path(self._folder) / default_name(doc.checkpoint, doc.latent, self._suffix))

    def _quality(self, spec: MeshSettings, theme: Theme) -> MeshSettings:
        controls.label(
            theme, "Resolution", "Grid nodes along an edge of the box; type a number or choose one"
        )
        beside = imgui.calc_text_size("4096³").x + 2.8 * theme.em  # the drop-down with its chevron
        left = imgui.get_content_region_avail().x - beside
        imgui.set_next_item_width(max(min(4.6 * theme.em, left), 3.0 * theme.em))
        entered = typed.whole(theme, "##mesh-resolution", str(spec.resolution), 8, 4096)
        controls.tooltip("8 to 4096 nodes")
        spec = spec if entered is None else spec.replace(resolution=entered)
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        imgui.set_next_item_width(-1.0)
        if choice_rows.begin_combo(theme, "##mesh-resolutions", f"{spec.resolution}³"):
            for n in RESOLUTIONS:
                if imgui.selectable(f"{n}³###{n}", n == spec.resolution)[0]:
                    spec = spec.replace(resolution=n)
                controls.tooltip(f"{n**3 / 1e6:,.0f} million nodes")
            imgui.end_combo()
        else:
            controls.tooltip("Usual resolutions, nodes along an edge of the box")
        spec = self._faces(spec, theme)
        problem = texture_problem(self.suffix)
        now = "vertex" if problem and spec.colour == "texture" else spec.colour
        why_not = {"texture": problem} if problem else {}
        colour = choice_rows.segmented(
            theme, "Colours", "mesh-colour", now, _COLOURS, tip="Colours in the file", unavailable=why_not
        )
        if colour == "texture":
            sizes = [(n, f"{n} × {n}", "Pixels of the baked texture") for n in (1024, 2048, 4096)]
            size = choice_rows.combo(
                theme,
                "Texture",
                "##mesh-texture",
                spec.texture_size,
                sizes,
                tip="Edge of the baked texture, pixels",
            )
            spec = spec.replace(texture_size=size)
        normals = choice_rows.toggle(
            theme,
            "Normals",
            "##mesh-normals",
            spec.normals,
            tip="Normals from the field's gradient in the file",
        )
        return spec.replace(
            colour=spec.colour if colour == now else colour, normals=normals, up=self._up(spec, theme)
        )

    def _up(self, spec: MeshSettings, theme: Theme) -> Up:
        problem = up_problem(self.suffix)
        axis = choice_rows.segmented(
            theme, "Up axis", "mesh-up", UP_Y if problem else spec.up, _AXES,
            tip="Axis of the file that points up", unavailable={"z": problem} if problem else {},
        )  # fmt: skip
        return spec.up if problem else axis

    def _faces(self, spec: MeshSettings, theme: Theme) -> MeshSettings:
        textured = spec.colour == "texture" and not texture_problem(self.suffix)
        shown = TEXTURE_FACES if textured and spec.faces is None else spec.faces
        reduced = choice_rows.toggle(
            theme, "Decimate", "##mesh-decimate", shown is not None, tip="Fewer triangles by quadric edge collapse",
            why_not="A texture needs it" if textured else "",
        )  # fmt: skip
        if not reduced:
            return spec.replace(faces=None)
        start = shown or 200_000
        faces = number_rows.drag_int(
            theme, "Triangles", "##mesh-faces", start, speed=max(start / 200, 10), low=100,
            high=MAX_TEXTURE_FACES if textured else 100_000_000, tip="About so many triangles are left",
        )  # fmt: skip
        return spec if textured and spec.faces is None and faces == start else spec.replace(faces=faces)

    def _file(self, doc: Document, theme: Theme, files: FileChooser) -> None:
        kind = choice_rows.segmented(theme, "Kind", "mesh-kind", self.suffix, _KINDS, tip="Kind of file")
        if kind != self.suffix:
            self.typed = str(Path(self.typed).with_suffix(kind)) if self.typed else ""
            self._suffix = kind
        controls.label(
            theme,
            "File",
            "Path of the file; its suffix is the kind. An empty field takes the name of checkpoint and seed",
        )
        path = self.path(doc)
        text = self._field.draw(theme, files, path, tip=path)
        if text != path:
            self.typed, self.overwrite = text, False

    def _batch(self, theme: Theme) -> None:
        batch = self.batch
        kind = choice_rows.combo(theme, "Batch", "##mesh-batch", batch.kind, _BATCHES, tip="One mesh or many")
        seeds, to, steps, file = batch.seeds, batch.to, batch.steps, batch.file
        if kind == "seeds":
            controls.label(theme, "Seeds", "Numbers and ranges, as 0-3,7")
            seeds = imgui.input_text("##mesh-seeds", seeds)[1]
            controls.tooltip("Numbers and ranges, as 0-3,7. The seed goes into the file's name")
        elif kind == "between":
            to = number_rows.drag_int(
                theme,
                "To seed",
                "##mesh-to",
                to,
                speed=0.1,
                low=0,
                high=2**31 - 1,
                tip="The last head of the path",
            )
            steps = number_rows.drag_int(
                theme, "Meshes", "##mesh-steps", steps, speed=0.05, low=2, high=1000, tip="Both ends counted"
            )
        elif kind == "file":
            controls.label(theme, "Latents", "A JSON list of LatentSpec")
            file = imgui.input_text("##mesh-latents", file)[1]
            controls.tooltip(
                "Path of a JSON list of LatentSpec; the place in the list goes into the file's name"
            )
        new = Batch(kind, seeds, to, steps, file)
        if new != batch:
            self.batch, self.overwrite = new, False

    def _outputs(self, doc: Document, now: float) -> Outputs:
        """What would be written; the disk is looked at once per second, not in every frame."""
        keys = (
            tuple(k.latent for k in doc.path.keys if k.latent is not None)
            if self.batch.kind == "path"
            else ()
        )
        key = (self.path(doc), self.batch, doc.latent, keys)
        if self._planned is None or self._planned[0] != key or now - self._planned[1] > LOOK_S:
            self._planned = (key, now, outputs(self.path(doc), self.batch, doc.latent, keys))
        return self._planned[2]

    def _forecast(
        self,
        doc: Document,
        theme: Theme,
        queries: QueryCache,
        request_frames: RequestFrames,
        now: float,
        found: Outputs,
    ) -> str:
        """Says what the export will cost; returns why it cannot be started."""
        if found.why_not:
            _warn(theme, found.why_not)
            return found.why_not
        question = forecast_question(doc.mesh, doc.checkpoint, doc.latent, self.suffix)
        still = self._still.of(question, now)
        answer = queries.want(question) if still else queries.peek(question)
        error = queries.error(question)
        if error is not None:
            _warn(theme, error.message)
            return error.message
        if answer is None:
            if not still:
                request_frames(10.0)
            controls.note(theme, "Forecasting…\n ")
            return ""
        f, count = MeshForecast.model_validate(answer.values), len(found.files)
        kept = min(f.triangles, doc.mesh.faces or f.triangles)
        each = " each" if count > 1 else ""
        controls.note(
            theme, f"About {duration(max(f.seconds * count, 1.0))}, {kept:,} triangles{each}\n"
            f"{f.memory_bytes / 1e9:.1f} GB of memory, {size(f.file_bytes * count)} on disk",
        )  # fmt: skip
        controls.tooltip(
            f"Voxel {f.voxel:.4g} world units. {f.points:,} of {f.dense_points:,} points are evaluated. From a coarse mesh at "
            f"{f.pilot_resolution}³, made just now"
        )
        return _room(f, found, count)

    def quick(self, doc: Document, tasks: Tasks) -> str:
        """One command exports the present head with the settings of the panel; returns what to say.

        A file that is there, or that a running export will write, is never replaced: the name gets a number.
        """
        wanted = Path(self.path(doc))
        busy = {task.record.out for task in tasks.views("mesh") if not task.ended}
        path, number = wanted, 2
        while path.exists() or str(path) in busy:
            path, number = wanted.with_stem(f"{wanted.stem}-{number}"), number + 1
        found = outputs(str(path), Batch(), doc.latent, ())
        if found.why_not:
            return f"Not exported: {found.why_not}"
        self._start(doc, tasks, found, str(path), Batch())
        return f"Exporting {path.name}, {doc.mesh.resolution}³, to {path.parent}"

    def _start(
        self, doc: Document, tasks: Tasks, found: Outputs, path: str = "", batch: Batch | None = None
    ) -> None:
        latent: LatentSpec = doc.latent
        checkpoint = for_another_process(doc.checkpoint)
        request = mesh_request(doc.mesh, checkpoint, latent, self.suffix)
        path, batch = path or self.path(doc), batch or self.batch
        folder = tasks.new_folder()
        write_inputs(folder, request, found)
        name = (
            found.files[0].name if len(found.files) == 1 else f"{len(found.files)} meshes {Path(path).name}"
        )
        tasks.start(
            "mesh",
            name,
            arguments(folder, path, batch, found),
            found.files[-1],
            folder,
            pinned={"checkpoint": doc.checkpoint},
        )
        self.overwrite, self._planned = False, None


def _room(f: MeshForecast, found: Outputs, count: int) -> str:
    """Why there is no room for it, if there is not."""
    try:
        free, memory = psutil.disk_usage(str(found.files[0].parent)).free, psutil.virtual_memory().available
    except OSError:
        return ""
    if f.file_bytes * count > free:
        return f"The disk has {size(free)} free: fewer triangles or another folder"
    if f.memory_bytes > memory:
        return f"Only {memory / 1e9:.1f} GB of memory are free: a lower resolution or a crop needs less"
    return ""


def _warn(theme: Theme, text: str) -> None:
    imgui.push_text_wrap_pos(0.0)
    with controls.text_colour(theme.palette.warn):
        imgui.text_unformatted(text)
    imgui.pop_text_wrap_pos()
