"""A server that only this machine, this browser and its own pages can talk to.

It listens on the loopback address alone. That does not stop other users of the machine or pages from elsewhere, so
every request must also name this server as its host (DNS rebinding), carry the cookie that the secret address handed
out, and, where it could do something, come from a page of this server. Nothing but reading is offered.
"""

import hmac
import logging
import re
import secrets
import signal
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import panel as pn
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from panel.io.application import build_applications
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.routing import Router
from tornado.web import Application, OutputTransform, RequestHandler

from tsct.records.errors import UsageError

ADDRESS = "127.0.0.1"
#: what this machine may be called in a request
NAMES = (ADDRESS, "localhost")
#: bytes of randomness in the token
TOKEN_BYTES = 32
#: no message of the browser is larger
MAX_MESSAGE_BYTES = 2**22
#: folders in the path of a page, and characters of each
MOST_PARTS, MOST_CHARACTERS = 32, 200
_PLAIN = re.compile(r"[A-Za-z0-9._~^@+,=-]*", re.ASCII)


class Refuse(RequestHandler):
    """Says why, without telling anything else."""

    def prepare(self) -> None:
        status, text = self.request.refusal
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(text + "\n")


class Enter(RequestHandler):
    """Turns the secret address into a cookie and forgets it."""

    def initialize(self, cookie: str, token: str) -> None:
        self.cookie, self.token = cookie, token

    def get(self) -> None:
        self.set_cookie(self.cookie, self.token, httponly=True, samesite="Strict", path="/")
        self.redirect("/")


class Gate(Router):
    """Lets requests through to the application behind it, or refuses them.

    Parameters
    ----------
    behind : tornado.web.Application
        What is guarded.
    port : int
        Of this server.
    token : str
        The secret.
    """

    def __init__(self, behind: Application, port: int, token: str) -> None:
        self.behind, self.token = behind, token
        self.hosts = frozenset(f"{name}:{port}" for name in NAMES)
        self.cookie = f"tsct-{port}"
        headers = {"transforms": [_safe_headers(port)]}
        self._refusing = Application([(r".*", Refuse)], **headers)
        self._entering = Application([(r".*", Enter, {"cookie": self.cookie, "token": token})], **headers)

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate | None:
        """The handler of a request that may pass, else one that refuses it."""
        if refusal := self.refusal(request):
            request.refusal = refusal
            return self._refusing.find_handler(request)
        if not self._known(request):
            return self._entering.find_handler(request)
        return self.behind.find_handler(request)

    def refusal(self, request: HTTPServerRequest) -> tuple[int, str] | None:
        """Status and reason, or nothing if the request may pass."""
        if request.headers.get_list("Host") != [request.headers.get("Host", "")] or not self._own(request.host):
            return 403, "this server answers to its own address only"
        if request.method not in ("GET", "HEAD"):
            return 405, "this server only shows"
        origin = request.headers.get("Origin")
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        if (upgrade or origin is not None) and not self._own_origin(origin):
            return 403, "the request comes from another page"
        if not self._known(request) and not self._entry(request):
            return 403, "open the address that `tsct explore` printed"
        if not is_plain(request.path):
            return 404, "no such page"
        return None

    def _own(self, host: str) -> bool:
        return host.lower() in self.hosts

    def _own_origin(self, origin: str | None) -> bool:
        scheme, separator, host = (origin or "").partition("://")
        return scheme == "http" and separator == "://" and self._own(host)

    def _known(self, request: HTTPServerRequest) -> bool:
        morsel = request.cookies.get(self.cookie)
        return morsel is not None and self._same(morsel.value)

    def _entry(self, request: HTTPServerRequest) -> bool:
        given = parse_qs(request.query).get("token", [])
        return request.path == "/" and len(given) == 1 and self._same(given[0])

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


def is_plain(path: str) -> bool:
    """Whether the path of a request, still quoted, could be one of a page here.

    What Bokeh and Panel serve has short names of letters, digits and a few signs; they look others up on disk, where a
    zero byte, an overlong name or bytes that are no text end in an error of the server.
    """
    try:
        parts = unquote(path, errors="strict").split("/")
    except UnicodeDecodeError:
        return False
    return len(parts) <= MOST_PARTS and all(
        part not in (".", "..") and len(part) <= MOST_CHARACTERS and _PLAIN.fullmatch(part) for part in parts
    )


def _safe_headers(port: int) -> type[OutputTransform]:
    """Headers of every answer: nothing from elsewhere, in no frame, remembered nowhere."""
    policy = "; ".join(
        (
            "default-src 'none'",
            # Bokeh makes functions from text, Panel modules from blobs; their scripts and styles are inline
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' ws://{ADDRESS}:{port} ws://localhost:{port}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )

    class SafeHeaders(OutputTransform):
        def transform_first_chunk(
            self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
        ) -> tuple[int, HTTPHeaders, bytes]:
            headers["Content-Security-Policy"] = policy
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cache-Control"] = "no-store"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            return status_code, headers, chunk

    return SafeHeaders


def guarded(page: Callable[[], Any], title: str, port: int = 0) -> tuple[BaseServer, str]:
    """A server of one page, not yet started, and its secret address.

    Parameters
    ----------
    page : callable
        Makes the page anew for every visit.
    title : str
        Of the browser's tab.
    port : int
        Zero: any that is free.

    Raises
    ------
    UsageError
        If the port cannot be had.
    """
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    pn.extension(notifications=False)
    try:
        sockets = bind_sockets(port, ADDRESS)
    except OSError as error:
        raise UsageError(f"--port {port}: {error.strerror}; leave it out for any that is free") from None
    port, token = sockets[0].getsockname()[1], secrets.token_urlsafe(TOKEN_BYTES)
    behind = BokehTornado(
        build_applications(page, title=title),
        extra_websocket_origins=[f"{name}:{port}" for name in NAMES],
        absolute_url=f"http://{ADDRESS}:{port}",
        websocket_max_message_size_bytes=MAX_MESSAGE_BYTES,
        transforms=[_safe_headers(port)],
    )
    http = HTTPServer(Gate(behind, port, token))
    http.add_sockets(sockets)
    return BaseServer(IOLoop.current(), behind, http), f"http://{ADDRESS}:{port}/?token={token}"


def end_on_signals(server: BaseServer) -> None:
    """From now on Ctrl-C or a termination signal ends the loop, even one that has yet to start."""
    loop = server.io_loop
    # where signals cannot be waited for (Windows), Ctrl-C is an exception in the loop
    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.asyncio_loop.add_signal_handler(number, loop.stop)


def serve(server: BaseServer) -> None:
    """Answer until a signal comes, which is how a server ends and no failure."""
    server.start()
    with suppress(KeyboardInterrupt):
        server.io_loop.start()
    server.stop()


@contextmanager
def opened_in_browser(address: str, *, wanted: bool) -> Iterator[None]:
    """Open the page by way of a file that only this user can read, since command lines are public."""
    if not wanted:
        yield
        return
    # a folder, not an open file: Windows lets nobody else read that
    with tempfile.TemporaryDirectory(prefix="tsct-explore-") as folder:
        page = Path(folder) / "open.html"
        page.write_text(
            f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={address}">', "utf-8"
        )
        webbrowser.open(page.as_uri())
        yield
