#!/usr/bin/env bash
# Runs the tests of models, training and evaluation on Keras backends other than TensorFlow, each
# in an environment of its own that holds no TensorFlow: .venv-jax, .venv-torch.
#
#   tools/test_backends.sh PYTHON [BACKEND ...] [-- PYTEST-ARGUMENT ...]
#
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves the gigabytes of torch's CUDA
# build on Linux. TORCH and JAX change what is installed, such as TORCH='torch>=2.13'.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$1
shift
backends=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  backends+=("$1")
  shift
done
[ $# -eq 0 ] || shift
[ ${#backends[@]} -gt 0 ] || backends=(jax torch)

library() {
  case $1 in
    jax) echo "${JAX:-jax}" ;;
    torch) echo "${TORCH:-torch==2.13.0}" ;;
    *) echo "Expected the backend jax or torch. Received: $1." >&2; return 2 ;;
  esac
}

# The package's own requirements, one a line, without TensorFlow, and what its tests need.
requirements() {
  "$1" - <<'PYTHON'
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
needed = [each for each in project["dependencies"] if not each.startswith("tensorflow")]
needed += project["optional-dependencies"]["weights"]
print(*needed, "hypothesis", "pytest", "pytest-xdist", sep="\n")
PYTHON
}

prepare() {
  local backend=$1 environment=.venv-$1 wanted
  wanted=$(library "$backend")
  [ "$environment/backend.stamp" -nt pyproject.toml ] &&
    [ "$(cat "$environment/backend.stamp")" = "$wanted" ] && return
  echo "Preparing $environment"
  [ -x "$environment/bin/pip" ] || "$python" -m venv "$environment"
  requirements "$environment/bin/python" >"$environment/requirements.txt"
  "$environment/bin/pip" install --quiet "$wanted" --requirement "$environment/requirements.txt"
  "$environment/bin/pip" install --quiet --no-deps --editable .
  echo "$wanted" >"$environment/backend.stamp"
}

status=0
for backend in "${backends[@]}"; do
  prepare "$backend"
  echo "KERAS_BACKEND=$backend"
  KERAS_BACKEND=$backend ".venv-$backend/bin/pytest" -m "not kill" \
    tests/models tests/training tests/evaluation tests/explanation "$@" || status=$?
done
exit "$status"
