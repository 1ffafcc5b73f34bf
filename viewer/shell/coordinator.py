"""The window's logic without the window: renderer events and actions in, documents and requests out.

Nothing here draws; `viewer/shell/app.py` calls `poll` before a GUI frame and `finish` after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderResult, Tier
from viewer.render_client.events import (
    Answered,
    AnswerFailed,
    Event,
    FrameReady,
    Inspected,
    InspectFailed,
    Opened,
    OpenFailed,
    RaySaved,
    WorkerDied,
    WorkerStarted,
)
from viewer.render_client.protocol import Renderer
from viewer.state.query_cache import Answers
from viewer.state.document import Document, QualitySettings
from viewer.state.frames import FrameStore
from viewer.state.ray_queries import Inspections, RayQuestion, question_at
from viewer.state.scheduler import Scheduler
from viewer.state.second_view import SecondView
from viewer.features.training.keep_view import carried
from viewer.state.undo import UndoHistory
from viewer.state.work import Work, WorkKind, picture_title, question_title
from viewer.state import actions as act
from viewer.shell.banner import Banner
from viewer.widgets.context import Timing

HISTORY = 240
NOTICE_S = 2.5
Adopt = Callable[[Document, CheckpointInfo], Document]
"""What the first document of a checkpoint becomes."""


class Controller:
    """Owns the document, its history, the pictures and the renderer."""

    def __init__(self, client: Renderer, quality: QualitySettings | None = None) -> None:
        self.client = client
        self.doc = Document(quality=quality or QualitySettings())
        self.undo = UndoHistory(self.doc)
        self.scheduler = Scheduler()
        self.frames = FrameStore()
        self.rays = Inspections()
        self.answers = Answers()
        self.second = SecondView()
        self._a_since = self._second_since = self._asked_since = 0.0
        self._second_path = ""
        self.info: CheckpointInfo | None = None
        self.opening = ""
        self.banner: Banner | None = None
        self.history: deque[Timing] = deque(maxlen=HISTORY)
        self.notice = ""
        self.opened_paths: list[str] = []
        self.requests = 0
        self._keep_view = False
        self.asked = 0
        self._then: Adopt | None = None
        self._notice_until = 0.0
        self._newest: RenderResult | None = None
        self._mouse_down = False

    def open(self, path: str, keep_view: bool = False, then: Adopt | None = None) -> None:
        """Ask for a checkpoint; what is open stays until the new one is, and only the last one that was asked for counts.

        keep_view: latent, camera … stay where they fit. then: makes of its first document what is wanted.
        """
        self.opening = path
        self._keep_view, self._then = keep_view, then
        self.asked = self.client.open(path)

    def poll(self, now: float) -> bool:
        """Take in what the renderer says; True when something changed that is drawn."""
        events = self.client.poll()
        for event in events:
            self._take(event, now)
        if self.notice and now >= self._notice_until:
            self.notice = ""
        return bool(events)

    def finish(self, doc: Document, edge_px: int, mouse_down: bool, now: float) -> None:
        """End of a GUI frame: the document that the panels returned, history, and the next request if one is
        due.
        """
        self._grip(mouse_down)
        if doc != self.doc:
            self.undo.push(doc, _what_changed(self.doc, doc), now)
            self.doc = doc
        question = self.answers.next()
        if question is not None:
            self._asked_since = now
            self.answers.sent(self.client.ask(question), question)
        if edge_px <= 0:
            return
        self._ask_for_pictures(edge_px, now)
        self._free_second_checkpoint()
        self._ask_about_rays(edge_px, now)

    def _free_second_checkpoint(self) -> None:
        """The renderer opened B's checkpoint by itself; nobody but the window knows when it is done with."""
        spec = self.doc.compare
        wanted = spec.checkpoint if spec.mode != "off" and spec.what == "checkpoint" else ""
        if self._second_path not in ("", wanted, self.doc.checkpoint):
            self.client.close(self._second_path)
        self._second_path = wanted

    def _ask_for_pictures(self, edge_px: int, now: float) -> None:
        """Another view of A first, then B, then what settles and refines A. While the view turns, B follows each A before the next one."""
        self.scheduler.learn(self.doc, self._newest)
        pending, base = self.second.pending, self.frames.base
        if not self.second.computing(self.doc):
            self._second_since = now
        if pending is not None and (self.info is None or base is None or not self.second.wanted(self.doc, self.info, base)):
            self.second.preempted()
            self.client.withdraw_picture()
            pending = None
        if pending is not None and pending.tier is Tier.MOVING:
            return
        if pending is None and self._submit_second(edge_px):
            return
        request = self.scheduler.step(self.doc, (edge_px, edge_px), self.info, now, self._newest, only_new=pending is not None)
        if request is not None:
            self.requests += 1
            self._a_since = now
            self.second.preempted()
            self.client.submit(request)

    def _submit_second(self, edge_px: int) -> bool:
        base = self.frames.base
        if self.info is None or self.info.path != self.doc.checkpoint or self.frames.result is None or base is None:
            return False
        if self.scheduler.waiting and self.scheduler.tier is Tier.MOVING:
            return False
        turning = self.scheduler.turns(self.doc, edge_px, self.info)
        if turning and base.tier is not Tier.MOVING:
            return False
        resting = not turning and base.tier is Tier.FULL
        request = self.second.next(self.doc, self.info, self.frames.result.model_copy(update={"request": base}), resting)
        if request is None:
            return False
        self.scheduler.preempted()
        self.requests += 1
        self.client.submit(request)
        return True

    def questions(self, edge_px: int) -> tuple[RayQuestion, ...]:
        """What the screen wants to know of rays: the selected one first, then the pins."""
        if self.info is None or self.info.path != self.doc.checkpoint or not self.doc.rays.all:
            return ()
        request = self.scheduler.full_request(self.doc, self.info, edge_px)
        return tuple(question_at(mark, request) for mark in self.doc.rays.all)

    def _ask_about_rays(self, edge_px: int, now: float) -> None:
        """One question at a time, and none while the view turns: a probe for each step would slow the turning."""
        self.rays.keep(self.doc.rays.all)
        if self.scheduler.rest_s(now) < self.doc.quality.settle_delay_s:
            return
        question = self.rays.next(self.questions(edge_px))
        if question is not None:
            self.rays.sent(self.client.inspect(question.request, question.x, question.y), question, now)

    def wait_s(self, now: float) -> float | None:
        """Seconds until `finish` has to be called again without any event; None = not before one."""
        asks = self.info is not None and self.second.pending is None
        waits = [self.scheduler.wait_s(self.doc, now) if asks else None]
        if self.notice:
            waits.append(max(self._notice_until - now, 0.0))
        return min((w for w in waits if w is not None), default=None)

    def work(self, now: float) -> tuple[Work, ...]:
        """What is under way, the picture to compare with first: what a person may wait for, and cancel."""
        status, found = self.client.status, []

        def about(kind: WorkKind, title: str, since: float, at_once: bool = False) -> None:
            hand = status.kind == ("ask" if kind == "question" else "render")
            found.append(Work(kind, title, status.stage if hand else "", status.fraction if hand else 0.0, now - since, at_once))

        if self.second.computing(self.doc):
            about("second", "Computing B", self._second_since, at_once=not self.second.frames.arrays)
        question = self.answers.under_way
        if question is not None:
            about("question", question_title(question), self._asked_since)
        if self.scheduler.waiting and self.scheduler.tier is not None:
            about("picture", picture_title(self.scheduler.tier), self._a_since)
        return tuple(found)

    def cancel(self, kind: WorkKind | None, now: float) -> None:
        """End one piece of work; None = the first that is shown. What is on the screen stays."""
        kind = kind or next((w.kind for w in self.work(now) if w.shown), None)
        if kind == "second":
            self.adopt(self.doc.replace(compare=self.doc.compare.replace(mode="off")), "compare.mode", now)
            if self.second.pending is not None:
                self.second.preempted()
                self.client.withdraw_picture()
        elif kind == "question":
            self.answers.cancel()
            self.client.withdraw_question()
        elif kind == "picture":
            self.scheduler.hold()
            self.client.withdraw_picture()
        if kind is not None:
            self.say("Cancelled", now)

    def say(self, text: str, now: float) -> None:
        """A passing remark in the status bar."""
        self.notice, self._notice_until = text, now + NOTICE_S

    def handle(self, action: act.Action, now: float) -> bool:
        """Carry out what concerns document and renderer; False when the action is the window's business."""
        match action:
            case act.OpenCheckpoint(path=path, keep_view=keep):
                self.open(path, keep)
            case act.Retry():
                self.banner = None
                self.frames.error = None
                self.scheduler.reset()
            case act.RestartWorker():
                self.banner = None
                self.second.preempted()
                self.client.restart()
                self.scheduler.reset()
                self.say("Restarting the render process", now)
            case act.SaveRay(mark=mark, path=path):
                question = self.rays.question(mark)
                if question is not None:
                    self.client.save_ray(question.request, question.x, question.y, path)
            case act.CancelWork(kind=kind):
                self.cancel(kind, now)
            case act.DismissBanner():
                self.banner = None
            case act.Undo():
                self._adopt(self.undo.undo(), "Nothing to undo", now)
            case act.Redo():
                self._adopt(self.undo.redo(), "Nothing to redo", now)
            case _:
                return False
        return True

    def adopt(self, doc: Document, key: str, now: float) -> None:
        """A document that comes from outside the panels, as one step of the history under `key`."""
        self.undo.push(doc, key, now)
        self.doc = doc

    def _adopt(self, doc: Document | None, otherwise: str, now: float) -> None:
        if doc is None:
            self.say(otherwise, now)
        else:
            self.doc = doc

    def _grip(self, mouse_down: bool) -> None:
        """A drag is one step of the history, however long the hand rests."""
        if mouse_down and not self._mouse_down:
            self.undo.hold()
        elif self._mouse_down and not mouse_down:
            self.undo.release()
        self._mouse_down = mouse_down

    def _take(self, event: Event, now: float) -> None:
        match event:
            case Opened(info=info, again=True) if self.info is not None:
                self.info = info if info.path == self.info.path else self.info
            case Opened(info=info, again=again, number=number):
                if again or number == self.asked:
                    self._opened(info)
                else:
                    self._let_go(info.path)
            case OpenFailed(path=path, number=number) if path and number != self.asked:
                pass  # another one was asked for since: nobody waits for this one any more
            case OpenFailed(path=path, error=error):
                self.second.preempted()
                self.opening = "" if path else self.opening
                kept = "" if self.info is None else " The model that was open stays."
                name = Path(path).name if path else "the render session"
                self.banner = Banner(f"Could not open {name}.{kept}", _joined(error.message, error.detail))
            case FrameReady():
                self._frame(event)
            case Inspected(report=report, number=number):
                self.rays.answered(number, report, now)
            case InspectFailed(error=error, number=number):
                self.rays.answered(number, error, now)
            case Answered(number=number, values=values, arrays=arrays):
                self.answers.answered(number, values, arrays)
            case AnswerFailed(error=error, number=number):
                self.answers.failed(number, error)
            case RaySaved(path=path, error=error):
                if error is None:
                    self.say(f"Wrote {path}", now)
                else:
                    self.banner = Banner(f"{Path(path).name} was not written", _joined(error.message, error.detail))
            case WorkerDied(reason=reason, final=final):
                self.second.preempted()
                if final:
                    self.opening = ""
                    self.rays.give_up()
                    self.answers.lost()
                self._died(reason, final)
            case WorkerStarted(restarts=restarts) if restarts:
                self.say("The render process is back", now)
            case _:
                pass

    def _let_go(self, path: str) -> None:
        """A checkpoint that was opened after another one had been asked for."""
        if path not in (self.doc.checkpoint, self._second_path, self.opening):
            self.client.close(path)

    def _opened(self, info: CheckpointInfo) -> None:
        before = self.info
        self.opening = ""
        self.info = info
        fresh = Document.defaults_from(info, quality=self.doc.quality).replace(navigation=self.doc.navigation, path=self.doc.path)
        self.doc = carried(self.doc, fresh, info) if self._keep_view and before is not None else fresh
        self.undo.restart(self.doc)
        self.frames.clear()
        self.rays.clear()
        self.answers.clear()
        self.second.clear()
        self.history.clear()
        self.scheduler.reset()
        self._newest = None
        self.banner = None
        if self._then is not None:
            then, self._then = self._then, None
            self.doc = then(self.doc, info)
            self.undo.restart(self.doc)
        self.opened_paths.append(info.path)
        if before is not None and before.path != info.path:
            self.client.close(before.path)

    def _frame(self, event: FrameReady) -> None:
        result = event.result
        if self.second.take(result, event.arrays):
            failed = self.second.error
            if failed is not None and failed.kind != "cancelled":
                self.banner = Banner("The picture to compare with failed", _joined(failed.message, failed.detail))
            return
        if result.request is None or result.request.checkpoint != self.doc.checkpoint:
            return
        self._newest = result
        error = result.error
        if error is not None:
            if error.kind != "cancelled":
                self.frames.add(result, event.arrays)
                self.banner = Banner(
                    _title_of(error.kind), _joined(error.message, error.detail), remedy="retry"
                )
            return
        if self.frames.add(result, event.arrays):
            self.history.append(Timing(result.total_ms, result.request.tier, result.width))
            if self.banner is not None and self.banner.remedy == "retry":
                self.banner = None

    def _died(self, reason: str, final: bool) -> None:
        if final:
            self.banner = Banner(
                "The render process keeps stopping and was not started again", reason, remedy="restart"
            )
        else:
            self.banner = Banner(f"The render process stopped ({reason}) and was restarted", severity="error")


def _what_changed(old: Document, new: Document) -> str:
    """Names of the fields that differ: changes of the same fields in a row are one step of the history."""
    names: list[str] = []
    for field in type(old).model_fields:
        a, b = getattr(old, field), getattr(new, field)
        if a == b:
            continue
        parts = [p for p in getattr(type(a), "model_fields", {}) if getattr(a, p) != getattr(b, p)]
        names += [f"{field}.{p}" for p in parts] if field != "camera" and parts else [field]
    return ",".join(names)


def _title_of(kind: str) -> str:
    return {
        "memory": "There was not enough memory for this picture",
        "input": "This view cannot be rendered",
        "worker": "The render process failed on this picture",
    }.get(kind, "This picture failed; the last good one is shown")


def _joined(message: str, detail: str) -> str:
    return f"{message}\n{detail}".strip() if detail and detail != message else message
