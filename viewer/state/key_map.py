"""Which chord runs which command, under the user's own choices."""

from __future__ import annotations

from collections.abc import Mapping

from viewer.state.chords import Chord, bindings


class KeyMap:
    """Bindings in force. choosing: name of the command that waits for its new key, "" = none."""

    def __init__(self, defaults: Mapping[str, tuple[str, ...]], own: Mapping[str, str]) -> None:
        self.defaults, self.own = dict(defaults), dict(own)
        self._bound = bindings(self.defaults, self.own)
        self.choosing = ""

    def of(self, name: str) -> tuple[Chord, ...]:
        return self._bound.get(name, ())

    def text(self, name: str) -> str:
        """The chords of a command for menus and lists; "" where it has none."""
        return ", ".join(str(c) for c in self.of(name))

    def changed(self, name: str) -> bool:
        """Whether the user has chosen the key of this command."""
        return name in self.own

    def holder(self, chord: Chord) -> str:
        """Name of the command that has the chord; "" where it is free."""
        return next((name for name, chords in self._bound.items() if chord in chords), "")

    def bind(self, name: str, chord: Chord | None) -> None:
        """Give `chord` (None = no key) to a command; another command that had it is left without."""
        if chord is not None:
            other = self.holder(chord)
            if other not in ("", name) and other in self.own:
                self.own[other] = ""
        self.own[name] = "" if chord is None else str(chord)
        self._bound = bindings(self.defaults, self.own)

    def reset(self, name: str = "") -> None:
        """Back to the default key of one command, or of all."""
        if name:
            self.own.pop(name, None)
        else:
            self.own.clear()
        self._bound = bindings(self.defaults, self.own)
