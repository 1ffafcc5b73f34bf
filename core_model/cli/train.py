"""`triscope train --preset P --data D --out RUN [--field.path=value …] [--resume] [--dry-run]`.

Many processes: `--processes N` on this machine, or `torchrun --nproc-per-node N -m core_model.cli.main train
…` with the same options.
"""

from __future__ import annotations

from pathlib import Path

from core_model.cli.settings_line import SettingsLine, read_line
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.run_owner import refuse_if_owned
from core_model.schema.settings import table_of
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS

WORDS = ("preset", "data", "out", "device", "processes", "measure")
SWITCHES = ("resume", "dry-run", "help")
USAGE = """usage: triscope train --preset NAME --data ZIP|FOLDER --out RUN [--field.path=value ...]
       triscope train --out RUN --resume [--images=N ...]
       triscope train --preset NAME [--out DIR] --dry-run

  --preset NAME     {presets}
  --data PATH       images in EG3D's layout: zip or folder with dataset.json
  --out RUN         run directory: config, record, ticks, pictures, snapshots, resume state
  --resume          continue the run in RUN from its newest complete state
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
        print(USAGE.format(presets=", ".join(PRESETS.names())) + table_of(TrainConfig))
        return
    out = Path(line.words["out"]) if "out" in line.words else None
    if "data" in line.words:
        line.changes.append(("data.path", str(Path(line.words["data"]).expanduser().absolute())))
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
        if "preset" not in line.words:
            raise InputError(
                what="train: no preset", expected=f"--preset, one of {', '.join(PRESETS.names())}"
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
    base = PRESETS.get(line.words.get("preset", "ffhq512"), where="--preset")
    return apply_overrides(base, line.changes, "train")


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
