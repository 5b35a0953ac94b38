"""Any agent beside a person on the page: what it says, where it touches, and what happens if it fails."""

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_lines import complaint
from fake_simulator import SIDE, FakeSimulator
from web import ask, opened, sentence

from agents.base import Agent, Instance
from agents.playing import AgentCompanion, agent_named, load_companion
from agents.superpixel_agent import SuperpixelAgent
from agents.training.schedule import RunError
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.play.companion import CompanionError
from thor_interact_env.play.played_room import MAX_TOUCHES
from thor_interact_env.play.server import PlayServer
from thor_interact_env.play.sessions import Sessions
from thor_interact_env.simulators.base import Observation

VIEW = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))


class KnowsEverything:
    """Proposes the middle of the three movable rectangles with the force that each needs."""

    def __init__(self) -> None:
        self.simulators: list[FakeSimulator] = []

    def propose(self, observation):
        masks = self.simulators[0].instances().masks
        corners = self.simulators[0].corners
        return [
            Instance((int(row) + SIDE // 2, int(column) + SIDE // 2), index, 0.9, masks[index])
            for index, (row, column) in enumerate(corners[:3])
        ]

    def maps(self, observation):
        return np.full((100, 100), -100.0, np.float32), np.zeros((100, 100), np.int64)


class Fails:
    def __init__(self) -> None:
        self.answer: object = None

    def propose(self, observation):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def served(agent: Agent, simulators: list[FakeSimulator]) -> PlayServer:
    def make_env() -> ThorInteractEnv:
        simulators.append(FakeSimulator())
        return ThorInteractEnv(simulators[-1], interactions=MAX_TOUCHES, record_motion=True)

    server = PlayServer(Sessions(AgentCompanion(agent, "knows"), make_env))
    server.start()
    return server


@pytest.fixture
def agent():
    return KnowsEverything()


@pytest.fixture
def server(agent):
    server = served(agent, agent.simulators)
    yield server
    server.close()


def test_its_opinion_is_about_your_view(server):
    first = opened(server)
    assert first["agent_name"] == "knows"
    said = ask(server, "look", session=first["session"]).json
    assert [each["force"] for each in said["proposals"]] == [0, 1, 2]
    assert all(each["mask"] and each["score"] == 0.9 for each in said["proposals"])
    assert set(said["scores"][:-2]) == {"A"}  # base64 of zeros: no cell is likely to move anything


def test_it_touches_its_own_copy_of_the_room(server, agent):
    first = opened(server)
    session = first["session"]
    touches = [ask(server, "agent_touch", session=session).json for _ in range(3)]
    assert [each["touch"]["kind"] for each in touches] == ["success"] * 3
    assert [each["score"]["moved"] for each in touches] == [1, 2, 3]
    assert len(agent.simulators) == 2 and agent.simulators[0].touches == 0
    assert ask(server, "save", session=session).json["actions"] == []


def test_it_starts_where_you_have_started_even_if_you_have_touched(server, agent):
    session = opened(server)["session"]
    row, column = (int(part) for part in agent.simulators[0].corners[2] + SIDE // 2)
    ask(server, "touch", session=session, row=row, column=column, force=2, direction=4)
    before = agent.simulators[0].location
    ask(server, "agent_touch", session=session)
    assert agent.simulators[1].location == before
    assert (agent.simulators[0].corners != agent.simulators[1].corners).any()


def test_a_new_location_is_one_for_both(server, agent):
    session = opened(server)["session"]
    ask(server, "agent_touch", session=session)
    ask(server, "start", session=session, seed=8, room=None)
    assert ask(server, "agent_touch", session=session).json["score"]["touches"] == 1
    assert agent.simulators[1].location == agent.simulators[0].location


def test_equal_seeds_give_equal_touches(server):
    touches = []
    for _ in range(2):
        session = opened(server)["session"]
        touches.append([ask(server, "agent_touch", session=session).json["touch"] for _ in range(3)])
    assert touches[0] == touches[1]


class Waits(KnowsEverything):
    """Answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def propose(self, observation):
        self.asked.set()
        assert self.may_answer.wait(20)
        return super().propose(observation)


def test_a_person_does_not_wait_for_the_agent_which_is_told_what_has_changed():
    agent = Waits()
    server = served(agent, agent.simulators)
    session = opened(server)["session"]
    answers = []
    thinking = threading.Thread(target=lambda: answers.append(ask(server, "agent_touch", session=session)))
    thinking.start()
    assert agent.asked.wait(20)
    touch = {"row": 0, "column": 0, "force": 0, "direction": 0}
    assert ask(server, "touch", session=session, **touch).status == 200
    assert ask(server, "start", session=session, seed=3, room=None).status == 200
    agent.may_answer.set()
    thinking.join()
    assert "has changed" in sentence(answers[0], 409)
    server.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RuntimeError("no idea"), "RuntimeError: no idea"),
        (3, "propose returned int"),
        ([Instance((300, 0), 0, 0.5, None)], "point .300, 0. is not a pixel"),
        ([Instance((0, 0), 0, float("nan"), None)], "score nan"),
    ],
)
def test_an_agent_that_fails_is_told_from_a_server_that_fails(answer, words):
    agent = Fails()
    agent.answer = answer
    with pytest.raises(CompanionError, match=words):
        AgentCompanion(agent, "fails").look(VIEW)
    server = served(agent, [])
    session = opened(server)["session"]
    for name in ("look", "agent_touch"):
        assert "the agent failed" in sentence(ask(server, name, session=session), 500)
    agent.answer = [Instance((0, 0), 0, 0.5, None)]
    assert ask(server, "agent_touch", session=session).status == 200
    server.close()


def test_an_agent_may_change_its_view(server, agent, monkeypatch):
    def scribbles(observation):
        observation["rgb"][:], observation["depth"][:] = 0, 9
        return []

    session = opened(server)["session"]
    monkeypatch.setattr(agent, "propose", scribbles)
    assert ask(server, "look", session=session).json["proposals"] == []
    touch = {"row": 299, "column": 0, "force": 0, "direction": 0}  # on the table, in reach
    assert ask(server, "touch", session=session, **touch).json["touch"]["kind"] == "not movable"


def test_agents_by_name_by_class_and_of_a_run(tmp_path, monkeypatch):
    assert isinstance(agent_named("superpixels"), SuperpixelAgent)
    assert isinstance(agent_named("agents.superpixel_agent:SuperpixelAgent"), SuperpixelAgent)
    (tmp_path / "my_own_agent.py").write_text("class Mine:\n    def propose(self, observation): return []\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    companion = load_companion("my_own_agent:Mine")
    assert companion.name == "my_own_agent:Mine" and companion.look(VIEW).scores is None


def test_the_command_serves_an_agent_until_it_is_interrupted(tmp_path):
    command = [
        sys.executable,
        "-m",
        "thor_interact_env.play",
        "--agent",
        "superpixels",
        "--room",
        "FloorPlan1",
    ]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        # A shell lets programs in the background ignore Ctrl-C, and what these start inherits it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert running.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", running.stdout.readline())
        assert found, running.communicate()
        with urllib.request.urlopen(found[0], timeout=20) as page:
            assert b"<title>ThorInteract" in page.read()
        running.send_signal(signal.SIGINT)
        _, complaints = running.communicate(timeout=60)
        assert (running.returncode, complaints.strip()) == (0, "Stopped.")
    finally:
        running.kill()


@pytest.mark.parametrize("name", ["nothing", "self_supervised", "agents.random_agent:Nobody", "."])
def test_an_agent_that_cannot_be_made_is_one_line(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(RunError):
        agent_named(name)
    complaint(lambda words: load_companion(*words), capsys, name)
