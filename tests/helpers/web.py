"""Requests to the server of the page, as a browser sends them or worse."""

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from thor_interact_env.play.server import HOST, PlayServer


class Answer(NamedTuple):
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def decoded(text: str) -> npt.NDArray[np.uint8]:
    """Return an image in base64, (height, width, 3) uint8: red, green, blue."""
    image = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)


def send(
    server: PlayServer,
    method: str,
    path: str,
    content: bytes | None = None,
    headers: Mapping[str, str | None] | None = None,
) -> Answer:
    """Send one request; headers replace those of a browser, None leaves one out."""
    place = f"{HOST}:{server.port}"
    sent: dict[str, str | None] = {"Host": place}
    if method == "POST":
        sent |= {"Origin": f"http://{place}", "Content-Type": "application/json"}
        sent |= {"Content-Length": str(len(content or b""))}
    sent |= headers or {}
    connection = http.client.HTTPConnection(HOST, server.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


def ask(server: PlayServer, name: str, **fields: Any) -> Answer:
    """Send a request of the page."""
    return send(server, "POST", f"/{server.token}/{name}", json.dumps(fields).encode())


def opened(server: PlayServer) -> Any:
    """Open a session, and return everything that the page shows."""
    answer = ask(server, "open")
    assert answer.status == 200, answer.content
    return answer.json


def sentence(answer: Answer, status: int) -> str:
    """Return the sentence of a refusal, which is one sentence and nothing else."""
    assert answer.status == status, answer.content
    assert list(answer.json) == ["error"]
    text: str = answer.json["error"]
    assert text and "\n" not in text and "Traceback" not in text and "<" not in text
    return text
