#!/usr/bin/env bash
# Builds what a release consists of in dist/, and checks it as PyPI and CRAN do.
#
#   tools/check_release.sh PYTHON
#
# The wheel is installed into an empty environment, where the README's Python lines run. The R package
# is built and checked where R is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
python=$(realpath -s "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rm -rf dist
"$python" -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet build twine pyroma
"$work/tools/bin/python" -m build --outdir dist . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$work/tools/bin/twine" check --strict dist/*.whl dist/*.tar.gz
# It misses an address to write to, which needs a person.
"$work/tools/bin/pyroma" --min=8 dist/*.tar.gz
"$work/tools/bin/python" - dist/*.whl <<'CODE'
import re
import sys
import zipfile

wheel = zipfile.ZipFile(sys.argv[1])
metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
links = re.findall(r"\]\(([^)\s]+)", wheel.read(metadata).decode())
relative = [link for link in links if not link.startswith("https://")]
if relative or not links:
    sys.exit(f"PyPI cannot follow these links of the description: {relative}")
CODE

"$python" -m venv "$work/empty"
"$work/empty/bin/pip" install --quiet "$(echo dist/*.whl)[weights]"
sed -n '/^```python/,/^```/p' README.md | grep -v '^```' >"$work/readme.py"
export TF_CPP_MIN_LOG_LEVEL=2
cd "$work"
empty/bin/pip check
empty/bin/pykeras-tl --version
empty/bin/python - <<'CODE'
import time

began = time.perf_counter()
import pykeras_tl

light = time.perf_counter() - began
pykeras_tl.fit
print(f"import pykeras_tl: {light:.3f} s; with Keras, at the first use: {time.perf_counter() - began:.1f} s")
CODE
empty/bin/python readme.py
cd "$root"

if command -v Rscript >/dev/null; then
  (cd dist && R CMD build --no-resave-data ../r)
  _R_CHECK_FORCE_SUGGESTS_=false R CMD check --as-cran --no-manual --output="$work" dist/kerastl_*.tar.gz
  if grep -q '^Status: .*WARNING' "$work/kerastl.Rcheck/00check.log"; then exit 1; fi
  mkdir "$work/library"
  R CMD INSTALL --library="$work/library" dist/kerastl_*.tar.gz >/dev/null 2>&1
  R_LIBS="$work/library${R_LIBS:+:$R_LIBS}" Rscript -e 'cat("kerastl", format(packageVersion("kerastl")), "installed from its tarball\n"); library(kerastl)'
else
  echo "The R package is left out: R is not installed"
fi
ls -lh dist
