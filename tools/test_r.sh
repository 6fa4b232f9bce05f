#!/usr/bin/env bash
# Runs all checks of the R package: R CMD check, the tests and examples with and without Python,
# lintr, the generated files, and the reference index. Installs kerastl in LIBRARY for
# tests/cross_language.
#
#   tools/test_r.sh PYTHON LIBRARY
#
# If R cannot be installed, it says why and exits with 0.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(realpath -s "$1")
library=$(realpath -m "$2")
status=0
tools/setup_r.sh "$python" "$library" || status=$?
[ "$status" = 3 ] && exit 0
[ "$status" = 0 ] || exit "$status"

export R_LIBS=$library RETICULATE_PYTHON=$python LANG=C.UTF-8 LC_ALL=C.UTF-8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() {
  local log
  log=$(mktemp -p "$work")
  "$@" >"$log" 2>&1 || { tail -60 "$log"; exit 1; }
}

# Runs a step, and prints its name and duration.
step() {
  local began=$SECONDS
  echo "R: $1"
  "${@:2}"
  echo "   $((SECONDS - began)) s"
}

build() {
  (cd "$work" && quietly R CMD build --no-resave-data "$OLDPWD/r")
  quietly R CMD INSTALL --no-test-load --library="$library" "$work"/kerastl_*.tar.gz
}

lint() {
  quietly Rscript tools/lint.R
}

generated_files() {
  cp -r r "$work/source"
  (cd "$work/source" && quietly Rscript -e 'suppressMessages(roxygen2::roxygenise())')
  diff -r r/man "$work/source/man" && diff r/NAMESPACE "$work/source/NAMESPACE" || {
    echo "NAMESPACE and man/ are out of date: run roxygen2::roxygenise() in r/"
    exit 1
  }
}

generated_functions() {
  quietly "$python" tools/keras2/generate.py --check
}

reference_index() {
  quietly Rscript tools/reference_index.R
}

# The tests run on their own, and R CMD build has just built the vignettes. Skips only what needs
# the network.
export _R_CHECK_CRAN_INCOMING_=false _R_CHECK_SYSTEM_CLOCK_=0 _R_CHECK_FORCE_SUGGESTS_=false
check() {
  local place=$work/check
  mkdir "$place"
  (cd "$place" && R CMD check --as-cran --no-manual --no-tests --no-build-vignettes \
    ../kerastl_*.tar.gz) >"$place/log" 2>&1 || true
  grep '^Status:' "$place/log" || true
  grep -q '^Status: OK$' "$place/log" || { cat "$place/log"; exit 1; }
}

# As R CMD check runs them, on the installed package.
tests() {
  local place=$work/tests-$1 failed=0
  cp -r r/tests "$place"
  (cd "$place" && NOT_CRAN=true Rscript testthat.R) >"$place/log" 2>&1 || failed=1
  # Numbers of tests, and the reasons of skipped ones.
  grep -hE '^\[ FAIL|^• ' "$place/log" || true
  [ "$failed" = 0 ] || { cat "$place/log"; exit 1; }
}

# What R CMD check would find beside what runs does not depend on Python.
without_python() {
  export RETICULATE_PYTHON=''
  quietly Rscript -e '
    library(kerastl)
    for (page in tools::Rd_db("kerastl")) {
      file <- tempfile()
      tools::Rd2ex(page, file)
      if (file.exists(file)) source(file, local = new.env())
    }
  '
  tests without-python
}

step "build and install" build
# R uses one core, so that two halves run at the same time.
{
  step "R CMD check with Python" check
  step "lint" lint
} >"$work/check.log" 2>&1 &
check=$!
{
  step "tests with Python" tests with-python
  step "examples and tests without Python" without_python
  step "generated files" generated_files
  step "generated functions" generated_functions
  step "reference index" reference_index
} >"$work/tests.log" 2>&1 &
tests=$!
wait $check || status=$?
wait $tests || status=$?
cat "$work/check.log" "$work/tests.log"
exit "$status"
