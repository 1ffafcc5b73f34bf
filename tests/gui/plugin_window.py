"""A window with the features of installed packages: its tab is drawn, what is broken is named, and nothing else suffers."""

from __future__ import annotations

from tests.gui.window_driver import Hands, drive


def body(hands: Hands) -> None:
    shown = {title: visible for title, visible, _ in hands.app.panels_shown()}
    assert shown["Notes"] and not shown["Later"] and "Worse" not in shown
    hands.ctx.item_click("//Notes/###count")
    hands.ctx.yield_(2)
    assert hands.loop.features["notes"].panel.clicks == 1  # type: ignore[attr-defined]
    banner = hands.loop.store.banner
    assert banner is not None and "worse" in banner.detail and "unmade" in banner.detail
    hands.ctx.menu_click("//##MainMenuBar/View/Later")
    hands.until(lambda: "later" in hands.loop.broken, "the panel that raises is set aside")
    assert hands.loop.place.drawn
    hands.app.reset_layout()
    hands.ctx.yield_(8)
    assert {t: v for t, v, _ in hands.app.panels_shown()}["Notes"]


if __name__ == "__main__":
    drive(body, size=(1280, 800))
    print("driven")
