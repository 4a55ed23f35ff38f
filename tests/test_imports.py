"""The house's walls, read from the source: imports point one way, and heavy packages stay in their rooms."""

import ast
import graphlib
from pathlib import Path

import plait

ROOT = Path(plait.__file__).parent

ROOMS = {
    "errors": set[str](),
    "files": {"errors"},
    "section": set[str](),
    "inference": {"errors", "files"},
    "layers": {"errors", "section"},
    "evaluation": {"errors", "files"},
    "data": {"errors", "section", "inference"},
    "tasks": {"errors", "inference", "data", "layers", "evaluation"},
    "training": {"errors", "files", "section", "inference", "data", "layers", "tasks"},
    "deployment": {"errors", "files", "inference", "data", "layers", "tasks"},
}
"""What each room may use of the others. All else (flow, cli and the like) is the floor above."""

PACKAGES = {
    "lightning": {"training"},
    "torch": {"data", "layers", "evaluation", "tasks", "training", "deployment", "above"},
    "timm": {"layers", "above"},
    "pandas": {"data", "tasks", "above"},
    "fastapi": {"deployment"},
}
"""Which rooms may import what."""


def test_rooms_import_one_way() -> None:
    faults = [
        f"{name} imports {imported}"
        for name, path in _modules().items()
        for imported in _plait_imports(name, path)
        if _room(name) in ROOMS and _room(imported) not in ROOMS[_room(name)] | {_room(name), "version"}
    ]
    assert not faults


def test_heavy_packages_stay_in_their_rooms() -> None:
    faults = [
        f"{name} imports {imported}"
        for name, path in _modules().items()
        for imported in _imports(name, path)
        if (package := imported.partition(".")[0]) in PACKAGES and _room(name) not in PACKAGES[package]
    ]
    assert not faults


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = _modules()
    graph = {name: _plait_imports(name, path) & modules.keys() - {name} for name, path in modules.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_file_begins_with_what_it_is_for() -> None:
    silent = [name for name, path in _modules().items() if not _says_its_purpose(path)]
    assert not silent


def _says_its_purpose(path: Path) -> bool:
    return bool(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def _modules() -> dict[str, Path]:
    """Every module's name and file; the package itself, which only names others, is left out."""
    found = {
        ".".join(("plait", *path.relative_to(ROOT).with_suffix("").parts)): path
        for path in ROOT.rglob("*.py")
    }
    names = {name.removesuffix(".__init__"): path for name, path in found.items()}
    return {name: path for name, path in names.items() if name != "plait"}


def _room(module: str) -> str:
    """Of "plait.data.table" it is data; of "plait" (its version) "version"; of "plait.flow" "above"."""
    parts = module.split(".")
    if len(parts) == 1:
        return "version"
    return parts[1] if parts[1] in ROOMS else "above"


def _plait_imports(name: str, path: Path) -> set[str]:
    return {imported for imported in _imports(name, path) if imported.partition(".")[0] == "plait"}


def _imports(name: str, path: Path) -> set[str]:
    """Every module that a file imports, at its top or within a function, types alone excepted."""
    found: set[str] = set()
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            found |= {_module_named(str(node.module), alias.name) for alias in node.names}
    return found


def _running(tree: ast.AST) -> list[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        ):
            continue
        found += [child, *_running(child)]
    return found


def _module_named(module: str, name: str) -> str:
    """`from plait import flow` names a module; `from plait.flow import train` a part of one."""
    place = ROOT.parent.joinpath(*module.split("."), name)
    return (
        f"{module}.{name}"
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()
        else module
    )
