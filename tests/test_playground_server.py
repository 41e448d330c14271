"""The playground's server: who may ask, how much may be sent, and how it begins and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from cli_files import write_idx_folder
from playground_client import Client, given

import fastnn
from fastnn.cli import main
from fastnn.playground import _server
from fastnn.playground._serve import serving
from fastnn.playground._session import Session


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving(Session()) as server:
        yield Client(server)


# ---- who may ask --------------------------------------------------------------------------------


def test_it_listens_on_the_loopback_address_alone(client: Client) -> None:
    assert client.server.server_address[0] == "127.0.0.1"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", client.server.url)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize(
    "path",
    ["/", "", "/wrong/", "/favicon.ico", "/x/{t}/", "/{t}x/", "/{short}/", "/{upper}/",
     "/wrong/api/state?token={t}", "/%2e/{t}/", "/%c3%a9/"],
)  # fmt: skip
def test_without_the_token_all_is_refused(path: str, method: str, client: Client) -> None:
    token = client.server.token
    asked = path.format(t=token, short=token[:-1], upper=token.swapcase()) or "*"
    status, content = client.ask(method, asked)
    assert status == 403
    assert token.encode() not in content


def test_every_page_has_its_own_token(client: Client) -> None:
    with serving(Session()) as other:
        assert other.token != client.server.token


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{p}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{p}"]
)
def test_another_host_is_refused(host: str, client: Client) -> None:
    """A name of somebody's that now means this machine, as in DNS rebinding."""
    path = f"/{client.server.token}/api/options"
    assert client.ask("GET", path, Host=host.format(p=client.server.port))[0] == 403
    assert client.ask("GET", path, Host=f"localhost:{client.server.port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{p}"])
def test_another_page_is_refused(origin: str, client: Client) -> None:
    path = f"/{client.server.token}/api/options"
    assert client.ask("GET", path, Origin=origin.format(p=client.server.port))[0] == 403
    assert client.ask("GET", path, Origin=f"http://127.0.0.1:{client.server.port}")[0] == 200


# ---- what may be sent ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["order", "settings", "table"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Length": str(2**25 + 1)}, 413),
        ({"Content_Length": "9" * 40}, 413),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "ten"}, 411),
        ({"Content_Length": "²"}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({}, 411),
    ],
)
def test_a_request_says_how_long_it_is_and_is_not_too_long(
    name: str, headers: dict[str, str], status: int, client: Client
) -> None:
    path = f"/{client.server.token}/api/{name}"
    answer = client.ask("POST", path, Content_Type="application/json", **headers)
    assert answer[0] == status
    assert json.loads(answer[1])["error"] in ("error_length", "error_too_large")


def test_json_is_far_shorter_than_tables(client: Client) -> None:
    path = f"/{client.server.token}/api/settings"
    body = b" " * (_server.MOST_JSON + 1)
    assert client.ask("POST", path, body, Content_Type="application/json")[0] == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 60_000, b'{"pane": "a"}', b'{"settings": 1}']
)
def test_what_is_no_such_json_is_refused(body: bytes, client: Client) -> None:
    path = f"/{client.server.token}/api/settings"
    status, answer = client.ask("POST", path, body, Content_Type="application/json")
    assert status == 400 and json.loads(answer)["error"] == "error_settings"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_page_is_refused(kind: str, client: Client) -> None:
    path = f"/{client.server.token}/api/settings"
    assert client.ask("POST", path, b"{}", Content_Type=kind)[0] == 415


@pytest.mark.parametrize(
    "name",
    ["../server.py", "..%2f_server.py", "static/main.js", "api/", "api/table", "api/secrets",
     "texts.json/", "__init__.py"],
)  # fmt: skip
def test_there_are_no_other_files(name: str, client: Client) -> None:
    assert client.ask("GET", f"/{client.server.token}/{name}")[0] == 404


@pytest.mark.parametrize(
    "query", ["?a=1", "?a=1.2", "?a=1.2.x", "?a=-1.0.0", "?c=0.0.0", "?a=%C2%B20.0.0",
              "?" + "a=0.0.0&" * 50]
)  # fmt: skip
def test_a_state_is_asked_for_by_three_numbers(query: str, client: Client) -> None:
    assert client.ask("GET", f"/{client.server.token}/api/state{query}")[0] == 400


def test_answers_are_kept_by_nobody_and_framed_by_nobody(client: Client) -> None:
    with urlopen(client.server.url) as page:
        headers = page.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# ---- what is answered ---------------------------------------------------------------------------


def test_a_page_hears_only_what_is_new(client: Client) -> None:
    settings = given(epochs=3)
    assert client.post("settings", {"pane": "a", "settings": settings}) == (200, {})
    for _ in range(3):
        assert client.post("order", {"panes": ["a"], "command": "step"}) == (200, {})
    client.server.session._worker("a").wait()
    state = client.get("api/state?a=99.0.0")["a"]
    assert state["epochs"] == 3 and len(state["curves"]["training_cost"]) == 3
    run, version = state["run"], state["version"]
    later = client.get(f"api/state?a={run}.2.0")["a"]
    assert later["from"] == 2
    assert later["curves"]["training_cost"] == state["curves"]["training_cost"][2:]
    known = client.get(f"api/state?a={run}.3.{version}")["a"]
    assert known == {"run": run, "version": version}
    assert "network.fit" in client.get("api/program?pane=a")["program"]


def test_a_bad_table_is_answered_in_words(client: Client) -> None:
    status, answer = client.table("bad.csv", "甲,乙\n1,x\n二,y\n3,x\n".encode())
    assert status == 400 and answer["error"] == "error_table"
    assert "bad.csv, line 3" in answer["detail"]


def test_a_table_that_ends_early_is_refused(client: Client) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", client.server.port)) as raw:
        raw.sendall(
            f"POST /{client.server.token}/api/table?name=a.csv HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{client.server.port}\r\nContent-Length: 100\r\n\r\na,b\n".encode()
        )
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")


def test_what_fails_within_is_answered_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(client.server.session, "change", fails)
    assert client.post("settings", {"pane": "a", "settings": {}}) == (
        500, {"error": "error_failed", "detail": "no room"},
    )  # fmt: skip


def test_mnist_is_offered_where_it_lies_and_never_downloaded(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTNN_MNIST", str(tmp_path / "mnist"))
    assert "mnist" not in client.get("api/options")["available"]
    asked = {"pane": "a", "settings": given("mnist")}
    assert client.post("settings", asked) == (400, {"error": "error_no_data", "detail": "mnist"})
    write_idx_folder(tmp_path / "mnist")
    assert "mnist" in client.get("api/options")["available"]
    assert client.post("settings", asked) == (200, {})
    assert client.get("api/points?pane=a")["rows"] == [50, 20]


# ---- beginning and end --------------------------------------------------------------------------


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with serving(Session()) as server:
        Client(server).post("order", {"panes": ["a", "b"], "command": "run"})
        assert len([each for each in threading.enumerate() if each.name == "playground"]) >= 2
    left = set(threading.enumerate()) - before
    assert [each for each in left if not each.daemon or each.name == "playground"] == []


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_it_and_no_file_is_left(tmp_path: Path) -> None:
    (tmp_path / "花.csv").write_text("长,宽,种\n" + "1,2,a\n3,4,b\n" * 20, encoding="gbk")
    places = [str(Path(fastnn.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "fastnn", "playground", "花.csv", "--encoding", "gbk",
               "--no-browser"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        url = process.stdout.readline().split()[-1]
        assert process.stdout.readline() == "Ctrl-C ends it\n"
        with urlopen(f"{url}api/points?pane=a") as answer:
            assert json.load(answer)["names"] == ["长", "宽"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    assert out == "closed\n"
    assert [file.name for file in tmp_path.iterdir()] == ["花.csv"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("playground nothing.csv", "nothing.csv: no such file"),
        ("playground --target x", "--target: expected a table, as in 'playground data.csv'"),
        ("playground --port 70000", "expected a port below 65536"),
    ],
)
def test_the_command_says_what_is_wrong(
    command: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_port_that_is_taken_is_an_error(client: Client) -> None:
    session = Session()
    with pytest.raises(OSError), serving(session, client.server.port):
        pass
    assert not session._worker("a")._thread.is_alive()
