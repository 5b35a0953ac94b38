"""The server of the page: who may use it, what it refuses, and that sessions are separate."""

import base64
import http.client
import json
import socket
import threading

import numpy as np
import pytest
from command_lines import complaint, outcome
from fake_simulator import FakeSimulator, touch_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web import ask, decoded, opened, send, sentence

from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.play.command_line import main
from thor_interact_env.play.played_room import MAX_TOUCHES
from thor_interact_env.play.requests import MAX_SEED
from thor_interact_env.play.server import HOST, MAX_CONTENT, PlayServer
from thor_interact_env.play.sessions import MAX_SESSIONS, Sessions
from thor_interact_env.recording import Recording, digest

RIGHT = 4


@pytest.fixture(scope="module")
def simulators():
    """The simulators of all sessions, in the order in which they were opened."""
    return []


@pytest.fixture(scope="module")
def server(simulators):
    def make_env():
        simulators.append(FakeSimulator())
        return ThorInteractEnv(simulators[-1], interactions=MAX_TOUCHES, record_motion=True)

    server = PlayServer(Sessions(make_env=make_env))
    server.start()
    yield server
    server.close()


def no_agent(name):
    raise AssertionError(name)


def rgb(answer):
    return decoded(answer["view"]["rgb"])


def test_the_page_and_all_that_it_loads_are_served(server):
    for path, (content, kind) in server.files.items():
        answer = send(server, "GET", f"/{server.token}/{path}")
        assert (answer.status, answer.content, answer.headers["Content-Type"]) == (200, content, kind)
    page = server.files[""][0].decode()
    assert 'src="main.js"' in page and 'href="play.css"' in page


def test_answers_forbid_everything_that_the_page_does_not_need(server):
    for answer in (send(server, "GET", f"/{server.token}/"), ask(server, "open"), send(server, "GET", "/x")):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_it_listens_on_the_loopback_interface_only(server):
    assert server.address == f"http://{HOST}:{server.port}/{server.token}/"
    assert HOST == "127.0.0.1" and len(server.token) >= 32
    with socket.socket() as other:  # the same port on another address of this machine is free
        other.bind(("127.0.0.2", server.port))


@pytest.mark.parametrize("path", ["/", "/play.css", "/wrong/", "//", "/alive", "/open", "/%00/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_token_nothing_is_served(server, method, path):
    assert "token" in sentence(send(server, method, path, b"{}"), 403)


def test_a_part_of_the_token_is_not_enough(server):
    for token in (server.token[:-1], server.token + "a", server.token.swapcase()):
        sentence(send(server, "GET", f"/{token}/"), 403)


@pytest.mark.parametrize("host", [None, "", "example.org", "127.0.0.1", "127.0.0.1:1", "localhost.org:80"])
def test_another_host_is_refused(server, host):
    assert "Host" in sentence(send(server, "GET", f"/{server.token}/", headers={"Host": host}), 403)


def test_localhost_is_this_host(server):
    place = f"localhost:{server.port}"
    assert send(server, "GET", f"/{server.token}/", headers={"Host": place}).status == 200
    headers = {"Host": place, "Origin": f"http://{place}"}
    assert send(server, "POST", f"/{server.token}/open", b"{}", headers).status == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://example.org", "https://127.0.0.1", "http://127.0.0.1:1"]
)
def test_another_origin_is_refused(server, origin):
    answer = send(server, "POST", f"/{server.token}/open", b"{}", {"Origin": origin})
    assert "Origin" in sentence(answer, 403)
    if origin is not None:
        sentence(send(server, "GET", f"/{server.token}/", headers={"Origin": origin}), 403)


@pytest.mark.parametrize(
    "path",
    ["../", "../../../../etc/passwd", "%2e%2e/server.py", "static/play.css", "index.html", "play.css/", "?x"],
)
def test_no_path_of_the_disk_is_served(server, path):
    assert sentence(send(server, "GET", f"/{server.token}/{path}"), 404) == "there is no such page"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 3000, "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"{}", "no field 'session'"),
    ],
)
def test_bad_json_is_a_sentence(server, content, words):
    assert words in sentence(send(server, "POST", f"/{server.token}/touch", content), 400)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Type": "text/plain"}, "application/json"),
        ({"Content-Type": None}, "application/json"),
        ({"Content-Length": None}, "Content-Length"),
        ({"Content-Length": "-1"}, "Content-Length"),
        ({"Content-Length": "two"}, "Content-Length"),
        ({"Content-Length": str(MAX_CONTENT + 1)}, str(MAX_CONTENT)),
        ({"Content-Length": "9" * 5000}, str(MAX_CONTENT)),
        ({"Transfer-Encoding": "chunked"}, "Content-Length"),
    ],
)
def test_bad_headers_are_a_sentence(server, headers, words):
    answer = send(server, "POST", f"/{server.token}/open", b"{}", headers)
    assert words in sentence(answer, 400)
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"row": 300}, "row is 300; it must be an integer in 0..299"),
        ({"column": -1}, "column is -1"),
        ({"force": 3}, "0..2"),
        ({"direction": 8}, "0..7"),
        ({"row": 1.0}, "row is 1.0"),
        ({"row": True}, "row is True"),
        ({"row": "1"}, "row is '1'"),
        ({"row": None}, "row is None"),
        ({"colour": 1}, "no field 'colour'"),
        ({"session": "../" * 10}, "session is"),
        ({"session": 1}, "session is 1"),
    ],
)
def test_values_out_of_range_are_named(server, fields, words):
    touch = {"session": "0" * 32, "row": 0, "column": 0, "force": 0, "direction": 0}
    assert words in sentence(ask(server, "touch", **{**touch, **fields}), 400)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": MAX_SEED + 1}, f"0..{MAX_SEED}"),
        ({"room": ""}, "name of a room"),
        ({"room": "../etc"}, "name of a room"),
        ({"room": "FloorPlan99"}, "FloorPlan99"),
    ],
)
def test_a_bad_location_is_named_and_the_episode_continues(server, fields, words):
    before = opened(server)
    session = before["session"]
    assert words in sentence(
        ask(server, "start", **{"session": session, "seed": 0, "room": None, **fields}), 400
    )
    assert ask(server, "save", session=session).json["location"] == before["location"]


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_the_answer_is_a_sentence(server, content):
    sentence(send(server, "POST", f"/{server.token}/start", content), 400)


@pytest.mark.parametrize(
    "line",
    [
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xe4/ HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200,
    ],
)
def test_what_is_no_request_is_a_sentence(server, line):
    with socket.create_connection((HOST, server.port), timeout=20) as connection:
        connection.sendall(line)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2] or answer)["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_refused(server, method):
    assert send(server, method, f"/{server.token}/").status in (400, 501)


def test_a_touch_an_undo_and_a_recording(server, simulators):
    first = opened(server)
    session, simulator = first["session"], simulators[-1]
    fields = dict(zip(("row", "column", "force", "direction"), touch_of(simulator, 1, 2, RIGHT), strict=True))
    touched = ask(server, "touch", session=session, **fields).json
    assert touched["touch"]["kind"] == "success" and len(touched["frames"]) == 8
    mask = np.unpackbits(np.frombuffer(base64.b64decode(touched["touch"]["mask"]), np.uint8))
    assert mask.sum() > 100
    assert (rgb(touched) != rgb(first)).any()
    assert touched["score"] == {"touches": 1, "round": 10, "moved": 1}

    recording = Recording.from_json(ask(server, "save", session=session).json)
    plain = ThorInteractEnv(FakeSimulator(), interactions=1)
    start = digest(plain.reset(seed=recording.seed, options=recording.options))
    assert tuple(recording.sha256) == (start, digest(plain.step(np.array(recording.actions[0]))))

    undone = ask(server, "undo", session=session).json
    assert undone["view"] == first["view"] and undone["score"] == first["score"]
    assert "no touch to undo" in sentence(ask(server, "undo", session=session), 400)


def test_a_touch_that_moves_nothing_sends_no_view(server):
    answer = ask(
        server, "touch", session=opened(server)["session"], row=0, column=0, force=0, direction=0
    ).json
    assert answer["view"] is None and answer["frames"] == [] and answer["touch"]["kind"] == "out of reach"
    assert answer["touch"]["mask"] is None


def test_depth_is_sent_in_millimetres(server, simulators):
    view = opened(server)["view"]
    depth = np.frombuffer(base64.b64decode(view["depth"]), "<u2").reshape(300, 300)
    assert np.array_equal(depth, np.rint(simulators[-1].view["depth"] * np.float32(1000)))


def test_two_tabs_do_not_disturb_each_other(server, simulators):
    here = opened(server)
    mine = simulators[-1]
    there = opened(server)
    action = dict(zip(("row", "column", "force", "direction"), touch_of(mine, 0, 2, RIGHT), strict=True))
    assert ask(server, "touch", session=here["session"], **action).json["touch"]["kind"] == "success"
    assert ask(server, "start", session=there["session"], seed=9, room="FloorPlan22").status == 200
    assert ask(server, "save", session=there["session"]).json["actions"] == []
    assert ask(server, "undo", session=here["session"]).json["view"] == here["view"]


def test_at_most_some_sessions_are_kept_and_the_others_are_told(server):
    names = [opened(server)["session"] for _ in range(MAX_SESSIONS)]
    assert ask(server, "save", session=names[0]).status == 200  # now the second one is idle for longest
    opened(server)
    assert "reload the page" in sentence(ask(server, "save", session=names[1]), 410)
    assert ask(server, "save", session=names[0]).status == 200


def test_a_session_that_was_left_is_closed(server, simulators):
    session, simulator = opened(server)["session"], simulators[-1]
    for _ in range(2):
        assert ask(server, "leave", session=session).status == 200
    assert simulator.closes == 1
    sentence(ask(server, "undo", session=session), 410)


def test_without_an_agent_its_requests_are_refused(server):
    session = opened(server)["session"]
    for name in ("look", "agent_touch"):
        assert "--agent" in sentence(ask(server, name, session=session), 400)


def test_an_error_of_the_server_is_a_sentence_here_and_a_traceback_there(server, monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError("secret detail")

    session = opened(server)["session"]
    monkeypatch.setattr("thor_interact_env.play.played_room.PlayedRoom.recording", broken)
    assert "secret" not in sentence(ask(server, "save", session=session), 500)
    assert "secret detail" in capsys.readouterr().err


def test_many_requests_at_once_are_answered_one_after_another(server, simulators):
    session, simulator = opened(server)["session"], simulators[-1]
    action = dict(zip(("row", "column", "force", "direction"), touch_of(simulator, 0, 2, RIGHT), strict=True))
    threads = [
        threading.Thread(target=lambda: ask(server, "touch", session=session, **action)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recording = Recording.from_json(ask(server, "save", session=session).json)
    assert len(recording.actions) == 6


def test_a_closed_server_answers_nobody_and_has_closed_every_room():
    simulator = FakeSimulator()
    env = ThorInteractEnv(simulator, interactions=MAX_TOUCHES, record_motion=True)
    server = PlayServer(Sessions(make_env=lambda: env))
    server.start()
    opened(server)
    kept = http.client.HTTPConnection(HOST, server.port, timeout=20)
    kept.request("GET", f"/{server.token}/alive")
    assert kept.getresponse().read() == b"{}"
    server.close()
    server.close()
    assert simulator.closes >= 1
    with pytest.raises(ConnectionError):
        send(server, "GET", f"/{server.token}/")
    kept.auto_open = 0  # a browser would use the connection that it has
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        kept.request("GET", f"/{server.token}/alive")
        kept.getresponse()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "70000"), "--port 70000"),
        (("--seed", "-1"), "--seed -1"),
        (("--room", "FloorPlan99"), "FloorPlan99"),
        (("--sede", "1"), "--sede"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(capsys, words, said):
    assert said in complaint(lambda arguments: main(no_agent, arguments), capsys, *words)


def test_a_port_that_is_taken_is_one_line(capsys, server):
    said = complaint(lambda words: main(no_agent, words), capsys, "--port", server.port)
    assert "in use; name another port" in said


@pytest.mark.parametrize("step", ["prepare", "open"])
def test_ctrl_c_before_the_page_is_ready_is_one_line_and_closes_the_sessions(capsys, monkeypatch, step):
    def interrupted(sessions):
        raise KeyboardInterrupt

    closed: list[Sessions] = []
    monkeypatch.setattr(Sessions, "prepare", lambda sessions: None)
    monkeypatch.setattr(Sessions, step, interrupted)
    monkeypatch.setattr(Sessions, "close", lambda sessions: closed.append(sessions))
    code, _, error = outcome(lambda words: main(no_agent, words), capsys)
    assert code == 130 and error == "\nStopped.\n" and len(closed) == 1


def test_a_session_that_is_being_opened_is_closed_with_the_others():
    simulator, begun, go_on = FakeSimulator(), threading.Event(), threading.Event()

    def make_env():
        begun.set()
        go_on.wait(10)
        return ThorInteractEnv(simulator, interactions=MAX_TOUCHES, record_motion=True)

    sessions = Sessions(make_env=make_env)
    opening = threading.Thread(target=sessions.open)
    opening.start()
    begun.wait(10)
    closing = threading.Thread(target=sessions.close)
    closing.start()
    go_on.set()
    for thread in (opening, closing):
        thread.join(10)
    assert simulator.loads and simulator.closes == 1
    sessions.close()
    assert simulator.closes == 1
