"""Runs the real window with one test function of Dear ImGui's test engine, and hands its failure to
pytest.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from imgui_bundle import hello_imgui, imgui

from core_model.schema.question import Question
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest
from tests.blob_head.session import BlobSession
from tests.unit.render_client.inline_client import InlineClient
from viewer.render_client.events import Event, WorkerStatus
from viewer.render_client.messages import SessionOptions
from viewer.render_client.protocol import Renderer
from viewer.shell.app import App, AppOptions
from viewer.shell.arrangement import SETTLED_FRAMES

SIZE = (1000, 640)
Asked = TypeVar("Asked", bound=Question)


class Recorder:
    """A renderer that passes everything on and keeps what the window asked for.

    inner: by default the blob head, in this process.
    """

    def __init__(self, inner: Renderer | None = None) -> None:
        self._inner = inner or InlineClient(BlobSession)
        self.requests: list[RenderRequest] = []
        self.questions: list[Question] = []
        self.rays: list[tuple[RenderRequest, int, int]] = []

    def asked(self, kind: type[Asked]) -> list[Asked]:
        """The questions of one kind, the newest last."""
        return [q for q in self.questions if isinstance(q, kind)]

    def submit(self, request: RenderRequest) -> int:
        self.requests.append(request)
        return self._inner.submit(request)

    def start(self) -> None:
        self._inner.start()

    def open(self, path: str) -> int:
        return self._inner.open(path)

    def close(self, path: str) -> None:
        self._inner.close(path)

    def inspect(self, request: RenderRequest, x: int, y: int) -> int:
        self.rays.append((request, x, y))
        return self._inner.inspect(request, x, y)

    def ask(self, question: Question) -> int:
        self.questions.append(question)
        return self._inner.ask(question)

    def bake(self, question: BakeQuestion | None) -> int:
        return self._inner.bake(question)

    def withdraw_picture(self) -> None:
        self._inner.withdraw_picture()

    def withdraw_question(self) -> None:
        self._inner.withdraw_question()

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        self._inner.save_ray(request, x, y, path)

    def configure(self, options: SessionOptions) -> None:
        self._inner.configure(options)

    def poll(self) -> list[Event]:
        return self._inner.poll()

    def restart(self) -> None:
        self._inner.restart()

    def stop(self, timeout_s: float = 2.0) -> None:
        self._inner.stop(timeout_s)

    @property
    def status(self) -> WorkerStatus:
        return self._inner.status


@dataclass
class Hands:
    """What a test function drives the window with."""

    app: App
    ctx: imgui.test_engine.TestContext
    _wanted: bool = False
    _picture: np.ndarray | None = field(default=None, repr=False)

    @property
    def loop(self):
        assert self.app.loop is not None
        return self.app.loop

    @property
    def doc(self):
        return self.loop.store.doc

    @property
    def frames(self):
        return self.loop.coordinator.frames

    def until(self, condition: Callable[[], object], what: str, frames: int = 600) -> None:
        """Lets GUI frames pass until `condition` holds; AssertionError after `frames` of them."""
        for _ in range(frames):
            if condition():
                return
            self.ctx.yield_()
        raise AssertionError(f"waited {frames} frames for: {what}")

    def until_full(self) -> None:
        """Until the picture of the present document is there in full quality."""

        def full() -> bool:
            result = self.frames.result
            request = result.request if result else None
            return (
                request is not None
                and request.tier in ("full", "refined")
                and request.camera == self.doc.camera
                and request.latent == self.doc.latent
                and self.doc.view.channel in self.frames.arrays
            )

        self.until(full, "a full picture of the present view", frames=3000)

    def settle(self) -> None:
        """Waits for the columns, which share their height once their contents are known."""
        self.ctx.yield_(3 * SETTLED_FRAMES)

    def choose(self, combo: str, option: str) -> None:
        """Opens a drop-down by item path and takes one of its options.

        A picture that arrives between aim and press may move the drop-down away from the cursor: a hand presses again.
        """
        for _ in range(3):
            self.ctx.item_click(combo)
            self.ctx.yield_(2)
            if imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
                break
        self.ctx.item_click(f"//$FOCUSED/###{option}")
        self.settle()

    def picture(self) -> np.ndarray:
        """[H, W, 3] uint8 of the viewport's picture at the next frame's end."""
        self._picture, self._wanted = None, True
        self.until(lambda: self._picture is not None, "the picture")
        assert self._picture is not None
        return self._picture

    def take(self) -> None:
        """Called by the window's thread, which owns the GL context."""
        if self._wanted:
            self._picture, self._wanted = self.loop.picture(), False


def drive(
    body: Callable[[Hands], None],
    client: Renderer | None = None,
    checkpoint: str | None = "blob:demo",
    size: tuple[int, int] = SIZE,
) -> None:
    """Opens the window on `client` (by default the blob head) and runs `body`; raises what it raised, or what the test engine
    complained about.
    """
    failures: list[str] = []
    hands: list[Hands] = []
    done: list[bool] = []

    def register(app: App) -> None:
        # The engine's handler for crashes takes broken pipes for one, and dies itself once the window is closed.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        engine = hello_imgui.get_imgui_test_engine()
        io = imgui.test_engine.get_io(engine)
        io.config_run_speed = imgui.test_engine.TestRunSpeed.fast
        io.config_log_to_tty = True
        # ImGui's own clock: a slow machine must not turn a double click into two clicks.
        io.config_fixed_delta_time = 1.0 / 60.0
        test = imgui.test_engine.register_test(engine, "window", "drive")

        def run(ctx: imgui.test_engine.TestContext) -> None:
            hand = Hands(app, ctx)
            hands.append(hand)
            try:
                hand.until(
                    lambda: app.loop is not None and app.loop.coordinator.frames.arrays,
                    "the first picture",
                    2000,
                )
                hand.settle()
                body(hand)
                if ctx.is_error():
                    failures.append("the test engine could not do a step; its log is above")
            except BaseException:
                failures.append(traceback.format_exc())
            finally:
                app.quit()

        test.test_func = run
        imgui.test_engine.queue_test(engine, test)

    def on_frame(app: App) -> None:
        for hand in hands:
            hand.take()
        # Only once the engine has let go of the window: an open popup at exit would be fatal.
        if done and imgui.test_engine.is_test_queue_empty(hello_imgui.get_imgui_test_engine()):
            done.append(True)
            if len(done) > 4:
                app.quit()

    App(
        AppOptions(
            checkpoint=checkpoint,
            client=client or Recorder(),
            size=size,
            tests=register,
            on_frame=on_frame,
            keep_layout=False,
            eager=True,
        )
    ).run()
    assert hands, "the window closed before the test began"
    assert not failures, "\n".join(failures)
