"""Requests that schemathesis makes up from the service's own schema, right and wrong ones."""

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

pytest.importorskip("fastapi")
schemathesis = pytest.importorskip("schemathesis")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")


@pytest.fixture(scope="module")
def service(classifier):
    from pykeras_tl.deployment import make_service

    return make_service(classifier)


@pytest.fixture(scope="module")
def schema(service):
    return schemathesis.openapi.from_asgi("/openapi.json", service)


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_the_service_answers_as_its_schema_says(schema, right):
    mode = schemathesis.GenerationMode.POSITIVE if right else schemathesis.GenerationMode.NEGATIVE
    tried = []

    for operation in schema.get_all_operations():

        @settings(
            max_examples=15,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(operation.ok().as_strategy(generation_mode=mode))
        def answer(case):
            # Any file is right by the schema, but one that is no image is refused.
            told = case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])
            tried.append(told.status_code)

        with contextlib.suppress(Unsatisfiable):  # Nothing can be wrong about GET /health.
            answer()

    assert len(tried) > 10
    assert 200 in tried or not right
