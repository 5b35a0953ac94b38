"""The web server of the page, for the browser of this machine and nobody else.

It listens on the loopback interface only. Every path starts with a secret token, which the printed address
holds. The header Host must name this server, so that another name that leads here (DNS rebinding) is refused;
Origin must be this server's, so that other pages cannot ask for anything. Files come from a fixed table, and
no path of a request is ever looked up on the disk.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import CancelledError
from http import HTTPStatus
from http.client import HTTP_PORT
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, Final

from thor_interact_env.errors import ThorInteractError
from thor_interact_env.play.companion import CompanionError
from thor_interact_env.play.requests import BadRequestError, requests_of
from thor_interact_env.play.sessions import RoomChangedError, SessionEndedError, Sessions

HOST: Final = "127.0.0.1"

MAX_CONTENT: Final = 4096
"""Maximum size of a request's content in bytes."""

_FILES: Final = {
    "": ("index.html", "text/html; charset=utf-8"),
    "play.css": ("play.css", "text/css; charset=utf-8"),
    **{
        name: (name, "text/javascript; charset=utf-8")
        for name in (
            *("agent.js", "controls.js", "decode.js", "layers.js", "main.js", "motion.js", "server.js"),
            *("stage.js", "trail.js"),
        )
    },
}
"""File and type of each path after the token."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}

_STATUS: Final[Mapping[type[Exception], HTTPStatus]] = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    ThorInteractError: HTTPStatus.BAD_REQUEST,
    RoomChangedError: HTTPStatus.CONFLICT,
    SessionEndedError: HTTPStatus.GONE,
    CompanionError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Answers to the errors whose message is for the person; any other one is a bug."""


class _RefusalError(Exception):
    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class PlayServer:
    """The server; `close` ends it and the sessions."""

    def __init__(self, sessions: Sessions, port: int = 0) -> None:
        """Listen on the loopback interface.

        Args:
            sessions: What answers the requests.
            port: Port to listen on; 0: a free one.

        Raises:
            OSError: The port is taken or not allowed.
        """
        self.sessions = sessions
        self.requests = requests_of(sessions)
        self.token = secrets.token_urlsafe(24)
        """The first part of every path."""
        files = resources.files("thor_interact_env.play") / "static"
        self.files = {path: ((files / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}
        self._server = _Server((HOST, port), self)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """The address of the page, token included."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Values of the header Host that name this server."""
        names = (HOST, "localhost")
        bare = names if self.port == HTTP_PORT else ()  # browsers leave out this port
        return (*(f"{name}:{self.port}" for name in names), *bare)

    def serve(self) -> None:
        """Answer requests until `close` is called in another thread, or an interruption."""
        self._server.serve_forever(poll_interval=0.1)

    def start(self) -> None:
        """Answer requests in a thread of its own."""
        self._thread = threading.Thread(target=self.serve, name="play-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the server and all sessions; a second call does nothing."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.disconnect()
        self.sessions.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a browser keeps connections open

    def __init__(self, place: tuple[str, int], play: PlayServer) -> None:
        self.play = play
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(place, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer the requests of a connection in a thread of its own."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        """End the connections that browsers keep open."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that has closed its connection; print anything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ThorInteract"
    sys_version = ""
    timeout = 60  # seconds that a connection may be silent
    # One packet for an answer: with two, the second waits for an acknowledgement that comes 40 ms later.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer with a file of the page, or say that the server is alive."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer a request of the page."""
        self._answer(self._post)

    def _answer(self, answer: Any) -> None:
        try:
            content, kind = answer(self._path())
            status = HTTPStatus.OK
        except _RefusalError as refusal:
            status, (content, kind) = refusal.status, _json({"error": str(refusal)})
            self.close_connection = True  # its content may not have been read
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:
            status, sentence = _described(error)
            content, kind = _json({"error": sentence})
        self._send(status, content, kind)

    def _path(self) -> str:
        """Return the path after the token.

        Raises:
            _RefusalError: The request is not from a page of this server, or the token is wrong.
        """
        play = self.server.play
        host = self.headers.get("Host", "")
        if host not in play.hosts:
            raise _RefusalError(HTTPStatus.FORBIDDEN, f"the header Host must be {' or '.join(play.hosts)}")
        origin = self.headers.get("Origin")
        allowed = [f"http://{name}" for name in play.hosts]
        if origin not in allowed and (origin is not None or self.command == "POST"):
            raise _RefusalError(HTTPStatus.FORBIDDEN, f"the header Origin must be {' or '.join(allowed)}")
        token, slash, path = self.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), play.token.encode()):
            raise _RefusalError(
                HTTPStatus.FORBIDDEN,
                "the token is wrong: open the address that the server has printed",
            )
        if not slash:  # the files that the page names would not be found
            raise _RefusalError(HTTPStatus.NOT_FOUND, "the address lacks its last /; add it")
        return path

    def _get(self, path: str) -> tuple[bytes, str]:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # nothing reads it
        if path == "alive":
            return _json({})
        if path not in self.server.play.files:
            raise _RefusalError(HTTPStatus.NOT_FOUND, "there is no such page")
        return self.server.play.files[path]

    def _post(self, path: str) -> tuple[bytes, str]:
        request = self.server.play.requests.get(path)
        if request is None:
            raise _RefusalError(
                HTTPStatus.NOT_FOUND,
                f"there is no such request; {', '.join(self.server.play.requests)} exist",
            )
        if self.headers.get_content_type() != "application/json":
            raise _RefusalError(HTTPStatus.BAD_REQUEST, "the header Content-Type must be application/json")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise _RefusalError(
                HTTPStatus.BAD_REQUEST, "the header Content-Length must be the number of bytes"
            )
        if len(length) > 9 or int(length) > MAX_CONTENT:
            raise _RefusalError(
                HTTPStatus.BAD_REQUEST, f"the request has more than {MAX_CONTENT} bytes, the maximum"
            )
        fields = request.checked(self.rfile.read(int(length)))
        return _json(request.answer(**fields))

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no proper request, in one sentence instead of a page."""
        self.close_connection = True
        status = HTTPStatus.BAD_REQUEST if code < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus(code)
        self._send(status, *_json({"error": message or HTTPStatus(code).phrase}))

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing for a request: the address holds the token."""


def _json(value: Mapping[str, Any]) -> tuple[bytes, str]:
    return json.dumps(value, separators=(",", ":")).encode(), "application/json"


def _described(error: Exception) -> tuple[HTTPStatus, str]:
    """Return status and sentence of an error; print the traceback of one that is a bug."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, CancelledError):
        return HTTPStatus.SERVICE_UNAVAILABLE, "the server is being stopped"
    traceback.print_exception(error)
    return HTTPStatus.INTERNAL_SERVER_ERROR, "the server has failed; its terminal shows the error"
