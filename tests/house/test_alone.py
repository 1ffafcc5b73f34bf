"""A checkout stands alone.

Nothing in it reads a path outside it, and what tests read lies in tests/fixtures.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path

import pytest

from tests.fixtures import FIXTURES
from tests.house.sources import ROOT, sources

FOLDERS = ("tests", "core_model", "viewer", "benchmarks", "scripts")
FIXTURES_MB = 20.0
# Text of any kind of file: folders that lay beside the checkout of whoever wrote it, and somebody's own
# folders.
BESIDE = re.compile(
    r"\.\./\.\.(?![\w.])|\.\./\w|(?<![\w.])shared/\w|(?<![\w./])~/\w|(?<![\w./])/(?:work|home|root|Users)/\w"
)
# Scripts start with `cd "$(dirname "$0")/.."`, which is the root for what lies one folder deep.
HOME_FIRST = 'cd "$(dirname "$0")/.."'
# Texts that only look like such paths: names in hostile archives and from hostile workers (never opened), a
# package of a checkpoint's pickles.
MEANT = {
    "tests/unit/data/test_hostile_sets.py": ("../evil.png", "../../evil.png", "../secret.png"),
    "tests/cli/test_far.py": ("../evil.png",),
    "tests/unit/wire/test_segments.py": ("../x",),
    "tests/unit/checkpoints/importing/test_attacks.py": ("network-snapshot-../../etc",),
}


def levels(node: ast.expr) -> int | None:
    """How many folders above the file (`__file__` itself: 0) a path expression stands.

    None where it has nothing to do with it. `Path(__file__).parents[n]` is n + 1 above, each `.parent` one,
    each ".." joined on one, each other name one less.
    """
    match node:
        case ast.Name(id="__file__") | ast.Attribute(attr="__file__"):
            return 0
        case ast.Attribute(value=inner, attr="parent"):
            return _plus(levels(inner), 1)
        case ast.Subscript(
            value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(n))
        ):
            return _plus(levels(inner), n + 1)
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str(name))):
            return _plus(levels(left), _rise(name))
        case ast.Call(func=ast.Attribute(value=inner, attr="joinpath"), args=names):
            texts = [n.value for n in names if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            return _plus(levels(inner), sum(_rise(text) for text in texts))
        case ast.Call(func=ast.Attribute(attr="dirname"), args=[inner]):
            return _plus(levels(inner), 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute")):
            return levels(inner)
        case ast.Call(args=[inner, *_]):  # Path(x), str(x), os.path.abspath(x)
            return levels(inner)
    return None


def _plus(level: int | None, rise: int) -> int | None:
    return None if level is None else level + rise


def _rise(name: str) -> int:
    return sum(0 if part in ("", ".") else 1 if part == ".." else -1 for part in name.split("/"))


def leaving(tree: ast.Module, path: str) -> list[str]:
    """Path expressions of a Python file that climb above the root of the checkout.

    `package.__file__` counts as the deepest module of the shallowest package, so that two folders up is the
    root.
    """
    faults = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or (level := levels(node)) is None:
            continue
        foreign = any(isinstance(n, ast.Attribute) and n.attr == "__file__" for n in ast.walk(node))
        depth = 2 if foreign else len(Path(path).parts)
        if level > depth:
            faults.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    return faults


def beside(text: str, path: str) -> list[str]:
    """Lines that name a place outside the checkout."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        for meant in MEANT.get(path, ()):
            line = line.replace(meant, "")
        if BESIDE.search(line):
            faults.append(f"{path}:{number} {line.strip()}")
    return faults


def climbing(text: str, path: str) -> list[str]:
    """Lines of a shell script or Makefile with `..`, other than the step to the root."""
    return [
        f"{path}:{number} {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(
            r"(?<![\w.])\.\.(?![\w.])", line.replace(HOME_FIRST, "") if posixpath.dirname(path) else line
        )
    ]


def scripts() -> dict[str, str]:
    found = [ROOT / "Makefile", *(ROOT / ".ci").iterdir(), *(ROOT / "scripts").glob("*.sh")]
    return {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in found}


def test_no_path_leaves_the_checkout() -> None:
    python = [s for s in sources(*FOLDERS) if s.path.name != Path(__file__).name]
    faults = [
        fault
        for s in python
        for fault in leaving(s.tree, s.path.as_posix()) + beside(s.text, s.path.as_posix())
    ]
    faults += [
        fault for path, text in scripts().items() for fault in climbing(text, path) + beside(text, path)
    ]
    assert not faults, "these leave the checkout:\n" + "\n".join(faults)
    assert len(python) > 100 and {"Makefile", ".ci/run", "scripts/bootstrap.sh"} <= set(scripts())


@pytest.mark.parametrize(
    "line",
    [
        'FOLDER = Path(__file__).resolve().parents[3] / "shared" / "fixtures"',
        "FOLDER = Path(__file__).parent.parent.parent.parent",
        'FOLDER = Path(__file__).parent / ".." / ".." / ".." / "data"',
        'FOLDER = Path(__file__).parent.joinpath("../..", "../data")',
        "FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))",
        "ROOT = Path(core_model.__file__).resolve().parents[2]",
        'DATA = Path("../data")',
        'DATA = np.load("shared/fixtures/a.npz")',
        'DATA = Path("~/data").expanduser()',
        'DATA = Path("/work/shared")',
        "# as in ../shared/fixtures",
    ],
)
def test_a_path_that_leaves_is_seen(line: str) -> None:
    path = "tests/parity/recorded.py"
    assert leaving(ast.parse(line), path) + beside(line, path)


@pytest.mark.parametrize(
    "line",
    [
        "ROOT = Path(__file__).resolve().parents[2]",
        'FOLDER = Path(__file__).resolve().parent.parent / "fixtures"',
        'FOLDER = Path(__file__).parent / ".." / "fixtures"',
        "ROOT = Path(core_model.__file__).resolve().parent.parent",
        'name = "shared memory / pipe"',
    ],
)
def test_a_path_inside_is_left_alone(line: str) -> None:
    path = "tests/parity/recorded.py"
    assert not leaving(ast.parse(line), path) + beside(line, path)


def test_scripts_climb_to_the_root_only() -> None:
    assert not climbing(HOME_FIRST, "scripts/view.sh") and climbing(HOME_FIRST, "Makefile")
    assert climbing("cp ../data .", ".ci/run") and climbing('cd "$(dirname "$0")/../.."', ".ci/run")


def test_the_fixtures_are_few_and_explained() -> None:
    files = [p for p in FIXTURES.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    megabytes = sum(p.stat().st_size for p in files) / 1e6
    assert megabytes <= FIXTURES_MB, f"{megabytes:.1f} MB"
    page = (FIXTURES / "README.md").read_text(encoding="utf-8")
    unnamed = [p.name for p in files if p.suffix not in (".py", ".md") and f"`{p.name}`" not in page]
    gone = set(re.findall(r"`(\w+\.npz)`", page)) - {p.name for p in files}
    assert not unnamed and not gone
