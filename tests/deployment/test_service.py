"""The service over HTTP: what it answers, what it refuses, and that it stays up."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from pykeras_tl.deployment import make_service
from pykeras_tl.deployment.limits import Limits, check_token
from pykeras_tl.deployment.predictor import Predictor

pytest.importorskip("fastapi")
TestClient = pytest.importorskip("starlette.testclient").TestClient
NAMES = ["cat", "dog", "<b>cow</b>"]


@pytest.fixture(scope="module")
def client(classifier):
    limits = Limits(max_files=4, max_bytes=50_000, max_pixels=10_000)
    with TestClient(make_service(classifier, limits=limits, page=True)) as client:
        yield client


def files(*contents):
    return [("files", (f"{number}.png", content)) for number, content in enumerate(contents)]


def test_images_are_predicted_as_by_the_classifier(client, classifier, png, tmp_path):
    contents = [png("red"), png("blue"), png("green")]
    answer = client.post("/predict", files=files(*contents))
    assert answer.status_code == 200
    for number, (content, row) in enumerate(zip(contents, answer.json()["results"])):
        (tmp_path / f"{number}.png").write_bytes(content)
        expected = classifier.predict(tmp_path / f"{number}.png").iloc[0]
        assert row["predicted"] == expected["predicted"]
        assert row["probabilities"] == pytest.approx(expected[NAMES].to_dict(), abs=1e-6)
        assert row["filename"] == f"{number}.png"


def test_a_broken_file_is_named_and_does_not_spoil_the_others(client, png):
    answer = client.post("/predict", files=files(b"no image", png("red"), png("red")[:45]))
    first, second, third = answer.json()["results"]
    assert "not a readable image" in first["error"]
    assert (second["predicted"], second["error"]) == ("cat", None)
    assert third["predicted"] is None
    assert client.post("/predict", files=files(b"")).status_code == 415
    assert client.post("/predict", files=files(b"no", b"image")).status_code == 415


def test_what_is_too_large_is_refused(client, png):
    answer = client.post("/predict", files=files(png("red", (200, 200))))
    assert (answer.status_code, "40,000 pixels" in answer.json()["detail"]) == (413, True)
    assert client.post("/predict", files=files(bytes(50_001))).status_code == 413
    assert client.post("/predict", files=files(*[png("red")] * 5)).status_code == 422
    # More than the whole form may have, whether its length is told or not.
    form = {"content-type": "multipart/form-data; boundary=a"}
    assert client.post("/predict", content=bytes(400_000), headers=form).status_code == 413
    start = b'--a\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n'
    chunks = iter([start, *[bytes(10_000)] * 40])
    assert client.post("/predict", content=chunks, headers=form).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/predict", 405), ("post", "/predict", 422), ("get", "/nothing", 404)],
)
def test_other_requests_are_refused(client, method, path, status):
    assert getattr(client, method)(path).status_code == status


def test_the_map_of_why_is_an_image(client, png):
    file = {"file": ("a.png", png("red"))}
    answer = client.post("/explain", files=file, data={"class_name": "dog"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert client.post("/explain", files=file, data={"class_name": "bird"}).status_code == 422
    assert client.post("/explain", files={"file": ("a.png", b"no")}).status_code == 415


def test_pages_are_offline_and_escape_names(client):
    docs = client.get("/docs").text
    assert "&lt;b&gt;cow" in docs
    assert "<b>cow" not in docs
    for path in ("/", "/docs", "/page.js", "/page.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "//cdn" not in answer.text


def test_a_token_is_needed_where_others_can_reach_it(classifier, png):
    assert check_token("127.0.0.1", None) is None
    token = check_token("0.0.0.0", None)
    with TestClient(make_service(classifier, token=token)) as client:
        assert client.get("/health").status_code == 200
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": token}):
            answer = client.post("/predict", files=files(png("red")), headers=headers)
            assert answer.status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/predict", files=files(png("red")), headers=headers).status_code == 200
    with pytest.raises(ValueError, match="at least 8"):
        check_token("0.0.0.0", "short")


def test_other_sites_cannot_ask_by_a_name_of_their_own(classifier):
    with TestClient(make_service(classifier, hosts=("localhost",))) as client:
        assert client.get("/health", headers={"host": "elsewhere.com"}).status_code == 400


def test_many_threads_get_their_own_answers(classifier, png):
    predictor = Predictor(classifier)
    colors = dict(zip(("red", "green", "blue"), NAMES))
    images = {color: png(color) for color in colors}

    def ask(number):
        color = list(colors)[number % 3]
        sent = [images[color]] * (number % 4 + 1)
        rows = predictor.predict(sent).result(60)
        return len(rows) == len(sent) and {row["predicted"] for row in rows} == {colors[color]}

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(60)))
    failing = predictor.run([], lambda files: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failing.result(60)
    assert predictor.predict([images["red"]]).result(60)[0]["predicted"] == "cat"
    # A server that is started again goes on.
    predictor.close()
    assert predictor.predict([images["blue"]]).result(60)[0]["predicted"] == NAMES[2]
    predictor.close()
