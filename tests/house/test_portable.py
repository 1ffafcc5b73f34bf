"""What keeps the tree working on other systems, as far as it can be read without them."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core_model.output.baked_page import programs as page_programs
from core_model.schema.assets import data_root
from tests.house.sources import ROOT, Source, sources
from viewer.gl.program import shader_source

SHIPPED = ("core_model", "viewer", "scripts")
ONE_SYSTEM = {
    "resource",
    "fcntl",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "msvcrt",
    "winreg",
    "_winapi",
    "readline",
    "syslog",
    "crypt",
}
STARTS = {"run", "Popen", "start_tied", "check_output", "check_call"}
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
FORBIDDEN = re.compile(r'[<>:"|?*\\]|[ .]$')


def top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes outside functions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return (
        [(node.module or "").partition(".")[0]] if isinstance(node, ast.ImportFrom) and not node.level else []
    )


def test_no_module_needs_one_system_to_be_imported() -> None:
    found = {
        f"{s.path}: {name}"
        for s in sources(*SHIPPED)
        for node in top_level(s.tree)
        for name in imported(node)
        if name in ONE_SYSTEM
    }
    assert not found, f"not on every system: {found}"


def texts_without_encoding(source: Source) -> Iterator[str]:
    """Calls that read or write text as the locale has it, which is another one on every machine."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = (
            called.attr
            if isinstance(called, ast.Attribute)
            else called.id
            if isinstance(called, ast.Name)
            else ""
        )
        given = {k.arg for k in node.keywords}
        modes = [
            a.value
            for a in (*node.args, *(k.value for k in node.keywords if k.arg == "mode"))
            if isinstance(a, ast.Constant)
        ]
        binary = any(isinstance(m, str) and "b" in m and len(m) <= 3 for m in modes)
        text = (
            (name == "read_text" and not node.args)
            or (name == "write_text" and len(node.args) < 2)
            or (isinstance(called, ast.Name) and name == "open" and not binary)
            or (name == "fdopen" and not binary)
            or (name in STARTS and given & {"text", "universal_newlines"})
        )
        if text and "encoding" not in given:
            yield f"{source.path}:{node.lineno}"


def test_text_is_read_and_written_in_a_stated_encoding() -> None:
    found = {place.partition(":")[0] for s in sources(*SHIPPED) for place in texts_without_encoding(s)}
    assert not found, f"say encoding=: {found}"


HOMELESS = re.compile(r"\.expanduser\(\)|Path\.home\(\)")


def test_only_one_place_asks_for_the_home_folder() -> None:
    """Both raise where nobody knows a home, and for a `~name` that somebody is typing."""
    asked = {s.path.as_posix() for s in sources(*SHIPPED) if HOMELESS.search(s.text)}
    assert asked == {"core_model/schema/home.py"}


DIGITS = re.compile(r"\.is(digit|decimal|numeric)\(\)")


def test_only_one_place_decides_what_a_whole_number_is() -> None:
    """`isdigit` passes ² on to `int`, which refuses it, as it refuses 5,000 digits: both ended a command in a traceback."""
    asked = {s.path.as_posix() for s in sources(*SHIPPED) if DIGITS.search(s.text)}
    assert asked == {"core_model/schema/whole.py"}


def test_the_search_sees_what_it_looks_for() -> None:
    code = (
        "import resource\nPath(a).read_text()\nopen(a)\nopen(a, 'rb')\nsubprocess.run(c, text=True)\n"
        "p.write_text(t, encoding='utf-8')\nimage.open(a)\ndef f():\n    import fcntl\n"
    )
    tree = ast.parse(code)
    source = Source(Path("x.py"), "x", code, tree)
    assert list(texts_without_encoding(source)) == ["x.py:2", "x.py:3", "x.py:5"]
    assert [n for node in top_level(tree) for n in imported(node)] == ["resource"]


def test_file_names_work_everywhere() -> None:
    """No two that differ by case only, none that Windows keeps for itself."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    if listed.returncode:
        pytest.skip("no git checkout")
    names = listed.stdout.decode().split("\0")[:-1]
    folders = {str(p) for name in names for p in Path(name).parents} - {"."}
    seen: dict[str, str] = {}
    for name in (*names, *folders):
        assert seen.setdefault(name.lower(), name) == name, f"{name} and {seen[name.lower()]}"
        for part in Path(name).parts:
            assert part.isascii() and not RESERVED.match(part) and not FORBIDDEN.search(part), name
    assert len(names) > 300 and max(map(len, names)) < 140


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
def test_types_hold_on_every_system(system: str, tmp_path: Path) -> None:
    """pyright reads `sys.platform`: what exists on one system only must stand behind a question for it."""
    line = [sys.executable, "-m", "pyright", "--pythonplatform", system, "--outputjson"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=800)
    if not done.stdout.startswith("{"):
        pytest.skip(f"pyright does not run here: {done.stderr.strip().splitlines()[-1:]}")
    report = json.loads(done.stdout)
    places = [
        f"{d['file']}:{d['range']['start']['line'] + 1} {d['message']}"
        for d in report["generalDiagnostics"]
        if d["severity"] == "error"
    ]
    assert report["summary"]["filesAnalyzed"] > 300 and not places, "\n".join(places)


@dataclass(frozen=True)
class GlslProgram:
    """Full sources of a vertex and a fragment shader that are linked."""

    name: str
    vertex: str
    fragment: str


def linked_pairs() -> set[tuple[str, str]]:
    """(vertex, fragment) of every program that the code makes, read from its calls."""
    return {
        (words[0], words[1])
        for s in sources("core_model", "viewer")
        for node in ast.walk(s.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Program"
        for words in [[a.value for a in node.args if isinstance(a, ast.Constant)]]
        if len(words) >= 2
    }


def glsl_programs() -> list[GlslProgram]:
    """Those of the desktop with every choice of what their sources ask for (#ifdef), and those of the baked page (WebGL 2)."""
    found: list[GlslProgram] = []
    for vertex, fragment in sorted(linked_pairs()):
        text = shader_source(vertex) + shader_source(fragment)
        asked = sorted(set(re.findall(r"^#ifn?def\s+(\w+)", text, re.MULTILINE)))
        for count in range(len(asked) + 1):
            for chosen in itertools.combinations(asked, count):
                name = " ".join((f"{vertex}+{fragment}", *chosen))
                found.append(
                    GlslProgram(name, shader_source(vertex, chosen), shader_source(fragment, chosen))
                )
    found += [GlslProgram(f"page: {name}", *pair) for name, pair in page_programs().items()]
    return found


GLSL_PROGRAMS = glsl_programs()
GLSLANG = shutil.which("glslangValidator") or shutil.which("glslang")


def test_every_shader_belongs_to_a_program() -> None:
    """So that whatever goes through a program goes through every shader; strings in Python are the page's alone."""
    folder = data_root() / "shaders"
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in (".vert", ".frag")}
    assert {name for pair in linked_pairs() for name in pair} == files and len(files) > 12
    bodies = {str(s.path) for s in sources(*SHIPPED) if re.search(r"void\s+main\s*\(", s.text)}
    assert bodies == {"core_model/output/baked_page.py"}
    names = {program.name for program in GLSL_PROGRAMS}
    assert {
        "baked.vert+baked.frag NORMALS WIDTHS",
        "fullscreen.vert+present.frag QUICK",
        "page: march",
    } <= names


@pytest.mark.skipif(GLSLANG is None, reason="no glslangValidator (apt-get install glslang-tools)")
@pytest.mark.parametrize("program", GLSL_PROGRAMS, ids=lambda program: program.name)
def test_the_reference_compiler_takes_every_shader(program: GlslProgram, tmp_path: Path) -> None:
    """Drivers differ in what they overlook; Khronos' own compiler overlooks nothing. -l: the pair is linked as well."""
    (tmp_path / "a.vert").write_text(program.vertex, encoding="utf-8")
    (tmp_path / "a.frag").write_text(program.fragment, encoding="utf-8")
    done = glslang(tmp_path, "-l", "a.vert", "a.frag")
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(GLSLANG is None, reason="no glslangValidator (apt-get install glslang-tools)")
def test_the_reference_compiler_refuses_what_drivers_overlook(tmp_path: Path) -> None:
    (tmp_path / "a.vert").write_text("#version 330 core\nout vec2 uv;\nvoid main() { uv = vec2(0); }\n")
    (tmp_path / "a.frag").write_text(
        "#version 330 core\nin vec3 uv;\nout vec4 c;\nvoid main() { c = vec4(uv, 1); }\n"
    )
    assert "Types must match" in glslang(tmp_path, "-l", "a.vert", "a.frag").stdout
    (tmp_path / "a.frag").write_text(
        "#version 330 core\nout vec4 c;\nvoid main() { c = vec4(saturate(1.0)); }\n"
    )
    assert "saturate" in glslang(tmp_path, "a.frag").stdout


def glslang(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    line = [GLSLANG or "", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60)
