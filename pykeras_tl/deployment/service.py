"""A classifier as a service over HTTP, with a page for people in front of it on request."""

# Annotations stay as they are, not text: FastAPI reads those of the functions inside a function.
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from .. import __version__
from ..images.decoding.reading import BadImageError
from .documentation import documentation_page
from .explaining import explain
from .extras import need
from .limits import BodyLimit, Limits, check_token, is_loopback, is_token
from .predictor import Predictor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from .predictor import Served

_PAGE = Path(__file__).with_name("page")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Prediction(BaseModel, extra="allow"):
    """What the classifier says of one image."""

    filename: str = Field(description="As it was sent.")
    predicted: str | float | None = Field(
        description="The most probable class; or the labels above their threshold, with ' | ' "
        "between them; or a number."
    )
    probabilities: dict[str, float] | None = Field(
        description="By class, where their sum is 1, or by label; none for a number."
    )
    prediction_set: str | None = Field(
        None, description="The classes that it can be, where the classifier carries such sets."
    )
    none_of_these: bool | None = Field(
        None, description="Whether it is unlike all images the classifier learned from."
    )
    error: str | None = Field(description="Why the file cannot be read.")


class Predictions(BaseModel):
    """The images in the order in which they were sent."""

    results: list[Prediction]


class About(BaseModel):
    """What the service predicts, and what it accepts."""

    kind: str = Field(description="A classifier, a multi-label classifier or a regressor.")
    target: str | None = Field(None, description="The name of the number of a regressor.")
    class_names: list[str] = Field(description="Classes or labels; none for a regressor.")
    target_size: list[int] = Field(description="Height and width that images are resized to.")
    limits: dict[str, int] = Field(description="Of one request.")
    version: str


class Health(BaseModel):
    """That the service runs."""

    status: str


class Refusal(BaseModel):
    """Why a request is refused."""

    detail: str


def make_service(
    classifier: "Served",
    *,
    limits: Limits | None = None,
    token: str | None = None,
    page: bool = False,
    hosts: tuple[str, ...] = ("*",),
) -> "FastAPI":
    """Make an ASGI application that predicts, to be run by any ASGI server.

    Args:
        classifier: The classifier, or a multi-label classifier or a regressor.
        limits: What one request may contain.
        token: What requests must carry in `Authorization: Bearer TOKEN`; None for nothing.
        page: Whether a page to drop images on is shown at `/`.
        hosts: The names under which it may be asked for; `"*"` for any.

    Returns:
        A FastAPI application: `POST /predict`, `POST /explain`, `GET /classifier`, `GET /health`,
        and its description at `/docs` and `/openapi.json`.

    Raises:
        ModuleNotFoundError: If FastAPI is missing; `pip install "pykeras-tl[serve]"`.

    Example:
        >>> service = make_service(classifier)  # doctest: +SKIP
    """
    for name in ("fastapi", "python_multipart"):
        need(name, "serve")
    from fastapi import Depends, FastAPI, File, Form, Header, HTTPException, Request, UploadFile
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
    from starlette.formparsers import MultiPartParser
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    limits = limits or Limits()
    predictor = Predictor(classifier)
    # As they are shown, and as the classifier knows them.
    names = {_name(name): name for name in getattr(classifier, "class_names", ())}
    kind = getattr(classifier, "kind", "a classifier")
    target = getattr(classifier, "target", None)
    # Uploads stay in memory, which BodyLimit guards, instead of going to the disk.
    MultiPartParser.spool_max_size = limits.body

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(predictor.close)

    service = FastAPI(
        title=f"{kind.capitalize()} of images",
        version=__version__,
        description=f"Classes: {', '.join(names)}" if names else f"Predicts: {_name(target)}",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    service.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    service.add_middleware(BodyLimit, most=limits.body)

    @service.middleware("http")
    async def harden(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    @service.exception_handler(RequestValidationError)
    async def refuse(_: Request, error: Any) -> JSONResponse:
        # Without what was sent, which can be a whole file.
        told = [{name: each[name] for name in ("type", "loc", "msg")} for each in error.errors()]
        return JSONResponse({"detail": told}, 422)

    def authorize(authorization: Annotated[str | None, Header()] = None) -> None:
        if not is_token(authorization, token):
            raise HTTPException(401, "Expected the header Authorization: Bearer TOKEN.")

    refusals: dict[int | str, dict[str, Any]] = {
        400: {"model": Refusal, "description": "The form is broken."},
        401: {"model": Refusal, "description": "The token is missing or wrong."},
        413: {"model": Refusal, "description": "An image, or all together, is too large."},
    }
    unreadable: dict[int | str, dict[str, Any]] = {
        415: {"model": Refusal, "description": "None of the files is a readable image."}
    }
    allowed = Depends(authorize)

    async def contents(files: list[UploadFile]) -> list[bytes]:
        read = [await file.read() for file in files]
        for file, content in zip(files, read):
            if reason := await asyncio.to_thread(limits.refusal, content):
                raise HTTPException(413, f"{_name(file.filename)} {reason}.")
        return read

    @service.get("/health")
    async def health() -> Health:
        """Tell that the service runs."""
        return Health(status="ok")

    @service.get("/classifier", dependencies=[allowed], responses={401: refusals[401]})
    async def about() -> About:
        """Tell what is predicted, and what is accepted."""
        return About(
            kind=kind,
            target=target and _name(target),
            class_names=list(names),
            target_size=list(classifier.target_size),
            limits=vars(limits),
            version=__version__,
        )

    @service.post(
        "/predict",
        dependencies=[allowed],
        responses={**refusals, **unreadable},
    )
    async def predict(
        files: Annotated[
            list[UploadFile],
            File(description="Image files.", min_length=1, max_length=limits.max_files),
        ],
    ) -> Predictions:
        """Predict the class, the labels or the number of each image."""
        rows = await asyncio.wrap_future(predictor.predict(await contents(files)))
        if all(row["error"] for row in rows):
            raise HTTPException(415, f"{_name(files[0].filename)}: {rows[0]['error']}")
        named = [
            Prediction(filename=_name(file.filename), **_printable(row))
            for file, row in zip(files, rows)
        ]
        return Predictions(results=named)

    @service.post(
        "/explain",
        dependencies=[allowed],
        responses={
            **refusals,
            **unreadable,
            200: {"content": {"image/png": {}}},
            501: {"model": Refusal, "description": "This classifier cannot be explained."},
        },
        response_class=Response,
    )
    async def explanation(
        file: Annotated[UploadFile, File(description="An image file.")],
        class_name: Annotated[
            Literal[("", *names)],  # type: ignore[valid-type]
            Form(description="A class; by default the predicted one."),
        ] = "",
    ) -> Response:
        """Draw over an image which parts of it speak for a class."""
        images = await contents([file])
        chosen = names[class_name] if class_name else None
        work = predictor.run(images, lambda paths: explain(classifier, paths[0], chosen))
        try:
            return Response(await asyncio.wrap_future(work), media_type="image/png")
        except BadImageError as error:
            raise HTTPException(415, "The file cannot be read as an image.") from error
        except ValueError as error:
            raise HTTPException(501, str(error)) from error

    @service.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(documentation_page(service.openapi()))

    @service.get("/page.css", include_in_schema=False)
    async def style() -> FileResponse:
        return FileResponse(_PAGE / "page.css", media_type="text/css")

    if page:

        @service.get("/", include_in_schema=False)
        async def index() -> FileResponse:
            return FileResponse(_PAGE / "index.html", media_type="text/html")

        @service.get("/page.js", include_in_schema=False)
        async def script() -> FileResponse:
            return FileResponse(_PAGE / "page.js", media_type="text/javascript")

    return service


def serve(
    classifier: "Served",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    limits: Limits | None = None,
    page: bool = False,
    open_browser: bool = False,
) -> None:
    """Serve a classifier until it is interrupted.

    Args:
        classifier: The classifier.
        host: The address to listen at; by default only this machine can reach it.
        port: The port.
        token: What requests must carry. Where other machines can reach the service and none is
            given, one is made and printed.
        limits: What one request may contain.
        page: Whether a page to drop images on is shown at `/`.
        open_browser: Whether a browser is opened at it.

    Raises:
        ModuleNotFoundError: If FastAPI or uvicorn is missing; `pip install "pykeras-tl[serve]"`.
        OSError: If the port is taken.
        ValueError: If the token is shorter than 8 characters.

    Example:
        >>> serve(load_classifier("cells/classifier"))  # doctest: +SKIP
    """
    uvicorn = need("uvicorn", "serve")
    token = check_token(host, token)
    hosts = ("127.0.0.1", "localhost", "[::1]", "::1") if is_loopback(host) else ("*",)
    service = make_service(classifier, limits=limits, token=token, page=page, hosts=hosts)
    shown = f"[{host}]" if ":" in host else host
    # A part of the address that browsers do not send, and servers do not log.
    secret = f"#token={token}" if token else ""
    address = f"http://{shown}:{port}/{'' if page else 'docs'}{secret}"
    server = uvicorn.Server(
        uvicorn.Config(service, host, port, log_level="warning", limit_concurrency=256)
    )
    listening = server.config.bind_socket()
    print(f"Serving at {address}", flush=True)
    if open_browser:
        import webbrowser

        webbrowser.open(address)
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()


def _name(text: str | None) -> str:
    # Names may hold bytes that are not valid UTF-8, which JSON cannot.
    return (text or "").encode("utf-8", "replace").decode("utf-8")


def _printable(row: dict[str, Any]) -> dict[str, Any]:
    shares = row["probabilities"]
    return {
        name: _name(value) if isinstance(value, str) else value for name, value in row.items()
    } | {"probabilities": shares and {_name(name): share for name, share in shares.items()}}
