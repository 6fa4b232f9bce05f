"""What a service accepts: the number, the bytes and the pixels of images, and whose requests."""

from __future__ import annotations

import io
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

# Of the parts of a form around the files.
_FORM_BYTES = 1 << 16
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """What one request may contain.

    Attributes:
        max_files: The number of images.
        max_bytes: The size of each file.
        max_pixels: Height times width of each image.

    Raises:
        ValueError: If one is less than 1.
    """

    max_files: int = 32
    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"Expected a limit of at least 1 for {name}. Received: {value}.")

    @property
    def body(self) -> int:
        """The size of a whole request in bytes."""
        return self.max_files * self.max_bytes + _FORM_BYTES

    def refusal(self, content: bytes) -> str | None:
        """Say why an image is too large, from its header alone.

        Args:
            content: The content of the file.

        Returns:
            The reason, or None. A file that is no image is not refused here.

        Example:
            >>> Limits(max_bytes=3).refusal(b"abcd")
            'has 4 bytes, and at most 3 are accepted'
        """
        if len(content) > self.max_bytes:
            return f"has {len(content):,} bytes, and at most {self.max_bytes:,} are accepted"
        try:
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
        # Pillow raises many kinds of errors for what is no image; reading it says which.
        except Exception:
            return None
        if width * height > self.max_pixels:
            return f"has {width * height:,} pixels, and at most {self.max_pixels:,} are accepted"
        return None


class BodyLimit:
    """Refuses requests that are too large while they arrive, before they fill the memory.

    Args:
        app: The ASGI application behind it.
        most: The largest size in bytes.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], most: int):
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 413.

        Args:
            scope: The connection.
            receive: Returns its parts.
            send: Sends the answer.
        """
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > self.most:
            return await self._refuse(send)
        received, started, refused = 0, False, False

        async def counted() -> dict[str, Any]:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.most:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def watched(message: dict[str, Any]) -> None:
            nonlocal started
            if not refused:
                started = True
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except Exception:
            if not refused:
                raise
        if refused and not started:
            await self._refuse(send)
        return None

    async def _refuse(self, send: Send) -> None:
        text = f'{{"detail":"Expected at most {self.most} bytes in a request."}}'.encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text})


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only.

    Args:
        host: The address that a server listens at.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
        (True, False)
    """
    return host in _LOOPBACK


def check_token(host: str, token: str | None) -> str | None:
    """Return the token that requests must carry, making one where others can reach the server.

    Args:
        host: The address that the server listens at.
        token: The user's choice, or None.

    Returns:
        The token, or None on a loopback address where none was chosen.

    Raises:
        ValueError: If the token is short.

    Example:
        >>> check_token("127.0.0.1", None) is None, len(check_token("0.0.0.0", None)) > 20
        (True, True)
    """
    if token is not None and len(token) < 8:
        raise ValueError("Expected a token of at least 8 characters. Received: a shorter one.")
    return token if token or is_loopback(host) else secrets.token_urlsafe(24)


def is_token(given: str | None, token: str | None) -> bool:
    """Return whether a request may be answered.

    Args:
        given: Its header `Authorization`, or None.
        token: The token, or None for none.

    Example:
        >>> is_token("Bearer abc", "abc"), is_token(None, "abc"), is_token(None, None)
        (True, False, True)
    """
    expected = f"Bearer {token}".encode()
    return token is None or secrets.compare_digest((given or "").encode(), expected)
