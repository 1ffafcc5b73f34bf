"""Whole networks of the original programs in files whose every byte torch wrote.

They open, and their pictures are the recorded ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cli.command import triscope
from tests.parity.recorded import Recorded
from tests.unit.checkpoints.importing.foreign import stand_in
from tests.unit.checkpoints.importing.samples import config_node, easy
from tests.unit.checkpoints.importing.torch_written import Written, module_of, written


def epigraf() -> tuple[Recorded, dict[str, object]]:
    """A snapshot of EpiGRAF.

    Modules of torch, weights in odd layouts, and a weight with no inputs of which each part is a view.
    """
    r = Recorded("epigraf_small")
    tensors = {name: torch.from_numpy(value) for name, value in r.state.items()}
    for k, (name, value) in enumerate(sorted(tensors.items())):
        if value.dim() == 2 and k % 2:
            tensors[name] = value.t().contiguous().t()
        elif value.dim() == 4:
            tensors[name] = value.contiguous(memory_format=torch.channels_last)
        elif value.dim() == 1:
            tensors[name] = torch.cat([torch.full((3,), 7.0), value, torch.full((2,), 7.0)])[
                3:-2
            ]  # a part of a larger storage
    classes = {"": "Generator", "synthesis": "SynthesisNetwork", "mapping": "MappingNetwork"}
    network = module_of(tensors, classes, "src.")
    cfg = dict(r.meta["cfg"])
    experiment = {"dataset": cfg["dataset"], "training": {"patch": cfg["patch"]}}
    experiment["model"] = {
        "generator": cfg | {"dataset": "node:${dataset}", "patch": "node:${training.patch}"}
    }
    tree = config_node(experiment)._content["model"]._content["generator"]
    vars(network).update(cfg=tree, _init_args=(), _init_kwargs=easy(cfg=tree, **r.meta["init_kwargs"]))
    network.z_dim = r.meta["init_kwargs"]["z_dim"]
    network.get_submodule("synthesis").bg_model = None
    parts = nn.Parameter(torch.empty(8, 0)).detach().split(4)
    assert parts[1].storage_offset() == 4 and parts[1].untyped_storage().size() == 0
    for home in (network.get_submodule("synthesis"), network):
        split = Written("FullyConnectedLayer", "src.")
        split.register_parameter("weight", nn.Parameter(parts[1]))
        home.add_module("no_inputs", split)
    adam = stand_in("torch.optim.adam", "Adam")(network.parameters())
    more = {"G_opt": adam, "stats": {"cur_nimg": 64_000}, "vis": {"parts": parts}}
    return r, {"G": network, "D": network.no_inputs, "G_ema": network, **more}


def test_epigraf_from_file_to_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    r, content = epigraf()
    source = tmp_path / "network-snapshot-000064.pkl"
    source.write_bytes(written(content, "pickle"))
    np.save(tmp_path / "z.npy", r.npz["in/z"][0])
    np.save(tmp_path / "angles.npy", r.npz["in/camera_angles"][0])
    done = triscope(
        capsys, "render", source, "--native", "--out", tmp_path / "a.npz", "--z", tmp_path / "z.npy", "--psi", 1,
        "--angles", tmp_path / "angles.npy", "--device", "cpu", "--threads", 1,
    )  # fmt: skip
    assert done.status == 0, done.err
    want = (r.npz["out/image"][0].astype(np.float32) + 1) / 2
    got = np.load(tmp_path / "a.npz", allow_pickle=False)["rgb"]
    assert got.shape == want.shape and -10 * np.log10(np.square(got - want).mean()) >= 60
