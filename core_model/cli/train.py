"""`triscope train --preset P --data D --out RUN [--field.path=value …] [--resume] [--dry-run]`.

Many processes: `--processes N` on this machine, or `torchrun --nproc-per-node N -m core_model.cli.main train
…` with the same options.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core_model.cli.settings_line import SettingsLine, read_line
from core_model.schema.errors import InputError
from core_model.schema.home import expanded
from core_model.schema.overrides import apply_overrides
from core_model.schema.recipes import RECIPES
from core_model.schema.run_owner import refuse_if_owned
from core_model.schema.settings import settings_of, table_of
from core_model.schema.train import TrainConfig, foreign_setting
from core_model.schema.train_presets import PRESETS, presets_of

WORDS = ("preset", "data", "out", "device", "processes", "measure")
SWITCHES = ("resume", "dry-run", "help")
USAGE = """usage: triscope train --preset NAME --data ZIP|FOLDER --out RUN [--field.path=value ...]
       triscope train --recipe NAME --data ZIP|FOLDER --out RUN [--field.path=value ...]
       triscope train --out RUN --resume [--images=N ...]
       triscope train --preset NAME [--out DIR] --dry-run

  --preset NAME     complete settings to start from, by recipe:
{presets}
  --recipe NAME     how it is trained, in place of --preset: its first preset
{recipes}
  --data PATH       images in EG3D's layout: zip or folder with dataset.json
  --out RUN         run directory: config, record, ticks, pictures, snapshots, resume state
  --resume          resume the run in RUN from its newest complete state
  --dry-run         schedule as text and as chart (--out DIR: DIR/schedule.png), parameters, memory and time; trains nothing. The time is
                    measured by real steps where --data is given (within a minute, remembered for a week), else estimated
  --device NAME     auto, cpu, cuda or cuda:N
  --processes N     that train together on this machine; auto = on CPUs one for each core as far as the batch divides, else one;
                    a resumed run goes on with as many as it had

Many machines or GPUs: torchrun --nproc-per-node N -m core_model.cli.main train ... (the same options).
Ablations of the paper: --render.sampler=off --render.stratified=off --render.robust=off --loss.surface=0

Fields of the settings, as --field.path=value (curves as images:value, ... with k and M):
"""


def take_apart(args: list[str]) -> SettingsLine:
    """Options, switches and overrides; raises InputError naming what is unknown or lacks a value."""
    return read_line("train", args, TrainConfig, WORDS, SWITCHES)


def main(args: list[str]) -> None:
    line = take_apart(args)
    if "help" in line.switches or not args:
        presets = [f"                      {name}: {', '.join(presets_of(name))}" for name in RECIPES.names()]
        recipes = [f"                      {name}: {one.about}" for name, one in RECIPES.items()]
        print(USAGE.format(presets="\n".join(presets), recipes="\n".join(recipes)) + table_of(TrainConfig))
        return
    out = Path(line.words["out"]) if "out" in line.words else None
    if "data" in line.words:
        line.changes.append(("data.path", str(expanded(line.words["data"]).absolute())))
    device = line.words.get("device", "auto")
    if "dry-run" in line.switches:
        from core_model.training.common.local_launcher import started_by_torchrun
        from core_model.training.gan.dry_run import dry_run

        cfg = _config(line, out)
        print(
            dry_run(
                cfg, device, out, _processes(line, cfg, device, None), None if started_by_torchrun() else args
            )
        )
        return
    if "measure" in line.words:
        _measure(line, args, _config(line, out), device)
        return
    if out is None:
        raise InputError(what="train: no run directory", expected="--out RUN")
    if "resume" in line.switches:
        from core_model.training.gan.run import resumed_config

        cfg = resumed_config(out, line.changes)
    else:
        if "preset" not in line.words and not any(path == "recipe" for path, _ in line.changes):
            raise InputError(
                what="train: no preset",
                expected=f"--preset, one of {', '.join(PRESETS.names())}; or --recipe, one of {', '.join(RECIPES.names())}",
            )
        cfg = _config(line, out)
        if not cfg.data.path:
            raise InputError(what="train: no data set", expected="--data ZIP or folder")
    from core_model.training.common.local_launcher import executed, follow_torchrun, is_first, siblings
    from core_model.training.gan.run import run_training

    follow_torchrun()
    if is_first():
        refuse_if_owned(out)
    resume = "resume" in line.switches
    with siblings(_processes(line, cfg, device, out if resume else None), ["train", *args]):
        state = run_training(out, cfg, resume=resume, device=device, command=executed("train", args))
    if is_first():
        print(f"{state}: {out}")


def _processes(line: SettingsLine, cfg: TrainConfig, device: str, resumed: Path | None) -> int:
    from core_model.training.common.local_launcher import chosen_processes
    from core_model.training.common.run_directory import saved_record

    record = saved_record(resumed) if resumed is not None else None
    return chosen_processes(
        line.words.get("processes", "auto"), device, cfg.batch, record.world_size if record is not None else 0
    )


def _config(line: SettingsLine, out: Path | None) -> TrainConfig:
    """The preset with the overrides; of a run that exists, where a dry run names none."""
    if "preset" not in line.words and out is not None and (out / "config.json").exists():
        from core_model.training.common.run_directory import saved_config

        return apply_overrides(saved_config(out, TrainConfig), line.changes, "train")
    told = dict(line.changes)
    wanted = told.get("recipe", "")
    about = RECIPES.get(wanted, where="--recipe") if wanted else RECIPES.get("wysiwyg")
    base = PRESETS.get(line.words.get("preset", about.preset), where="--preset")
    if wanted and base.recipe != wanted:
        raise InputError(
            what=f"preset {base.preset} is of recipe {base.recipe}, not {wanted}",
            where="--preset",
            expected=f"one of {', '.join(presets_of(wanted))}",
        )
    refuse_foreign(told, base.recipe)
    cfg = apply_overrides(base, line.changes, "train")
    if not cfg.start_from:
        return cfg
    from core_model.training.gan.recipes.starting import adopted

    return adopted(cfg, told)


def refuse_foreign(told: Iterable[str], recipe: str) -> None:
    """Raise InputError naming a setting of another recipe."""
    known = settings_of(TrainConfig)
    for path in told:
        one = known.get(path.replace("-", "_"))
        if one is not None and not one.read_by(recipe):
            raise InputError(what=f"train: {foreign_setting(one, recipe)}", where=f"--{one.path}")


def _measure(line: SettingsLine, args: list[str], cfg: TrainConfig, device: str) -> None:
    """What `--dry-run` starts: JSON lines with the seconds of a step, stage by stage."""
    from core_model.training.common.local_launcher import siblings
    from core_model.training.gan.measure import measure

    try:
        order = [int(word) for word in line.words["measure"].split(",") if word]
    except ValueError:
        raise InputError(
            what="bad value of --measure", expected="numbers of stages", got=line.words["measure"]
        ) from None
    with siblings(_processes(line, cfg, device, None), ["train", *args]):
        measure(cfg, device, order, lambda one: print(one.model_dump_json(), flush=True))
