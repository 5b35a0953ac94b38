"""Every command in the documentation exists, with its options: it is parsed, but not carried out."""

import argparse
import ast
import contextlib
import glob
import importlib.util
import io
import json
import os
import re
import runpy
import sys
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tyro
from documents import ROOT, blocks, commands, commands_of, inline_code

from agents.training.configuration import TrainConfig
from eval.console import COMMANDS

OURS = ("agents", "eval", "examples", "selfsup", "tests", "thor_interact_env")
OTHERS = {".venv/bin/tensorboard", "export", "minari", "ray", "source", "tensorboard"}
OPTIONS_OF_OTHERS = {"--gpus", "--num-cpus"}  # docker, ray


class Parsed(BaseException):
    """The options of a command have been read."""


@contextlib.contextmanager
def only_parsing(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> Iterator[None]:
    """Let a program end as soon as it has read its options, given these words."""
    cli, parse_args = tyro.cli, argparse.ArgumentParser.parse_args

    def parsed_by_tyro(*arguments: Any, **options: Any) -> None:
        with monkeypatch.context() as inner:
            inner.setattr(argparse.ArgumentParser, "parse_args", parse_args)
            cli(*arguments, **options)
        raise Parsed

    def parsed(parser: argparse.ArgumentParser, *arguments: Any) -> None:
        parse_args(parser, *arguments)
        raise Parsed

    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # runpy runs modules that are loaded already
        patch.setattr(tyro, "cli", parsed_by_tyro)
        patch.setattr(argparse.ArgumentParser, "parse_args", parsed)
        patch.setattr(sys, "argv", words)
        yield


def complaint_of_module(monkeypatch: pytest.MonkeyPatch, module: str, words: list[str]) -> str:
    """Return what a module complains of, given these words; "" if it accepts them."""
    printed = io.StringIO()
    try:
        with (
            only_parsing(monkeypatch, [module, *words]),
            contextlib.redirect_stderr(printed),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            if module.endswith(".py"):
                runpy.run_path(str(ROOT / module), run_name="__main__")
            else:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Parsed:
        return ""
    except SystemExit as stop:
        return printed.getvalue() or f"exit code {stop.code}" if stop.code else ""
    return "nothing was parsed"


def complaint_of_code(code: str) -> str:
    """Return an error in Python code of a command line: its syntax, or a name that it imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in OURS:
            module = importlib.import_module(node.module)
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            if missing:
                return f"{node.module} has no {missing[0]}"
    return ""


def complaint_of_pip(words: list[str]) -> str:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [
        name for word in words for group in re.findall(r"\[([\w,]+)\]", word) for name in group.split(",")
    ]
    return "".join(f"there is no extra {name}; " for name in named if name not in extras)


def complaint_of(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> str:
    """Return what is wrong with a command of the documentation, or ""."""
    program, rest = os.path.basename(words[0]), words[1:]
    if program == "torchrun":
        program, rest = "python", rest[rest.index("-m") :]
    if program == "thor-interact":
        return "" if rest[0] in ("--help", "COMMAND") else complaint_of_console(monkeypatch, rest)
    if program == "make":
        goals = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return "".join(f"there is no goal {name}; " for name in rest if "=" not in name and name not in goals)
    if program == "pip":
        return complaint_of_pip(rest)
    if program == "pytest":
        return "".join(f"there is no {path}; " for path in rest if not glob.glob(str(ROOT / path)))
    if words[0] in OTHERS:
        return ""
    if program not in ("python", "python3.12"):
        return f"unknown program {words[0]}"
    if rest[0] == "-c":
        return complaint_of_code(rest[1])
    if rest[0] != "-m":
        return complaint_of_module(monkeypatch, rest[0], rest[1:])
    module = rest[1]
    if module == "pytest":
        return complaint_of(monkeypatch, rest[1:])
    if module.partition(".")[0] not in OURS:
        return "" if importlib.util.find_spec(module.partition(".")[0]) else f"there is no module {module}"
    return complaint_of_module(monkeypatch, module, rest[2:])


def complaint_of_console(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> str:
    if words[0] not in COMMANDS:
        return f"there is no command {words[0]}"
    (module, *first), _ = COMMANDS[words[0]]
    return complaint_of_module(monkeypatch, module, [*first, *words[1:]])


@pytest.fixture(autouse=True)
def in_a_folder_with_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands with `--resume` read the configuration of their run."""
    for name in ("quick", "hour"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        config = TrainConfig.from_preset(name)
        (tmp_path / "runs" / name / "config.json").write_text(json.dumps(config.to_json()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))


ALL = {
    " ".join(words): (page, words) for page, words in commands() if "..." not in words and "…" not in words
}


@pytest.mark.parametrize("command", ALL)
def test_a_command_exists_with_its_options(monkeypatch, command):
    page, words = ALL[command]
    assert not (found := complaint_of(monkeypatch, words)), f"{page}: {found}"


def test_commands_are_found():
    modules = {words[words.index("-m") + 1] for _, words in ALL.values() if "-m" in words}
    assert len(ALL) > 60 and modules >= {"agents.selfsup_agent", "eval.table", "thor_interact_env.datasets"}


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("python -m agents.selfsup_agent train --prest hour", "--prest"),
        ("python -m agents.selfsup_agent evaluate runs/hour --reach 0.2", "--reach"),
        ("python -m eval.table run c --splits NovelSpaces", "--splits"),
        ("python -m thor_interact_env.datasets make NovelSpaces/test --reach 1 --out x", "--reach"),
        ("python -m thor_interact_env.gallery --folder gallery", "--folder"),
        ("python -m eval.tables show runs/table", "tables"),
        ("python examples/quickstart.py --output touched.png", "--output"),
        ("thor-interact learn --preset hour", "learn"),
        ("make tests", "tests"),
        ('pip install "thor-interact[everything]"', "everything"),
        ("pytest tests/simulators/test_nothing*.py", "nothing"),
        ("teach --agent", "teach"),
    ],
)
def test_what_does_not_exist_is_found(monkeypatch, command, complaint):
    (words,) = commands_of(command)
    try:
        found = complaint_of(monkeypatch, words)
    except ImportError as error:
        found = str(error)
    assert complaint in found


def test_shell_code_is_split_into_commands():
    code = """
        for a in x y; do  # "loop"
          python -m m "$a b" \\
            --c > f  # d
        done
        A=1 make b && make c
        python -c "
        1 # 2"
    """
    assert commands_of(code) == [
        ["python", "-m", "m", "x b", "--c"],
        ["make", "b"],
        ["make", "c"],
        ["python", "-c", "\n        1 # 2"],
    ]


def test_options_in_the_text_exist(monkeypatch):
    """An option without its command is one of some command."""
    helps = [
        *(
            ["agents.selfsup_agent", name]
            for name in ("train", "evaluate", "predict", "publish", "import-released")
        ),
        *(
            [f"agents.{name}", each]
            for name in ("mask_rcnn", "ppo_agent", "query_agent", "video_pca")
            for each in ("train", "evaluate")
        ),
        *([f"eval.{name}"] for name in ("benchmark", "figures", "findings", "report", "results", "speed")),
        *(["eval.table", name] for name in ("run", "run-all", "show")),
        *(["thor_interact_env.datasets", name] for name in ("make", "all", "statistics", "ship")),
        *(["thor_interact_env.record", name] for name in ("make", "check")),
        *([f"thor_interact_env.{name}"] for name in ("doctor", "export", "gallery", "play")),
        *([f"thor_interact_env.simulators.mujoco.{name}"] for name in ("calibrate", "golden")),
    ]
    monkeypatch.setenv("COLUMNS", "200")
    text = io.StringIO()
    for module, *first in helps:
        with monkeypatch.context() as patch, contextlib.redirect_stdout(text), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            patch.setattr(sys, "argv", [module, *first, "--help"])
            with pytest.raises(SystemExit):
                runpy.run_module(module, run_name="__main__", alter_sys=True)
    known = set(re.findall(r"--[a-z][\w.-]*", text.getvalue())) | OPTIONS_OF_OTHERS
    named = {
        (page, option)
        for page, code in inline_code()
        if not code.startswith(("python", "torchrun", "pip", "tensorboard", "docker", ".venv"))
        for option in re.findall(r"(?<![\w-])--[a-z][\w.-]*", code)
    }
    assert len(named) > 20
    assert sorted(each for each in named if each[1].rstrip(".") not in known) == []


def test_toml_blocks_are_toml():
    for block in blocks("toml"):
        tomllib.loads(block.code)
