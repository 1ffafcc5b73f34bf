"""Plugins of installed packages: each is loaded in a process of its own, which says what is wrong with it."""

from __future__ import annotations

from core_model.doctor import asking
from core_model.schema.doctor import Finding
from core_model.schema.plugins import GROUPS, PREFIX, installed

LONGEST_S = 60.0


def findings() -> list[Finding]:
    """One for each plugin; without any, nothing is started."""
    found = [plugin for group in GROUPS for plugin in installed(group)]
    if not found:
        return []
    answer = asking.ask(__name__, timeout_s=LONGEST_S)
    looked_at = {(line["group"], line["name"]): line["problem"] for line in answer.lines if "problem" in line}
    at = answer.lines[-1] if answer.lines else {}
    findings = []
    for plugin in found:
        key = (plugin.group, plugin.name)
        problem = looked_at.get(key, "")
        if key not in looked_at:  # the process ended before it was looked at, perhaps by this one
            culprit = (at.get("group"), at.get("name")) == key
            problem = answer.ended if culprit else "not looked at: another plugin ended the process"
        findings.append(
            Finding(
                group="Packages", name=f"plugin.{plugin.group}.{plugin.name}", title=f"Plugin {plugin.name}",
                value=f"{PREFIX}{plugin.group}, {plugin.package} {plugin.version}" + (f": {problem}" if problem else ""),
                status="problem" if problem else "ok",
                remedy=f"it is left out; update or uninstall {plugin.package}" if problem else "",
                facts={"package": plugin.package, "version": plugin.version, "object": plugin.value},
            )
        )  # fmt: skip
    return findings


def look() -> None:
    """Load what every registry loads, and say what went wrong."""
    from core_model.families import FAMILIES
    from core_model.rendering.channels import CHANNELS
    from core_model.sampling.samplers import SAMPLERS
    from core_model.schema.train_presets import PRESETS

    registries = {"families": FAMILIES, "samplers": SAMPLERS, "channels": CHANNELS, "recipes": PRESETS}
    for group in GROUPS:
        for plugin in installed(group):
            asking.tell(group=group, name=plugin.name)
        if group in registries:
            registries[group].names()
        else:
            _load_features()
        for plugin in installed(group):
            asking.tell(group=group, name=plugin.name, problem=plugin.problem)


def _load_features() -> None:
    """The library does not know the window's kinds: only what cannot be imported is found here."""
    from core_model.schema.plugins import adopt

    adopt("features", object, lambda found: found)


if __name__ == "__main__":
    look()
