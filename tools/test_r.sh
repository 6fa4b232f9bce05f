#!/usr/bin/env bash
# Runs all checks of the R package: lintr, the generated files, the reference index, and R CMD
# check with and without Python. Installs kerastl in LIBRARY for tests/cross_language.
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

# Skips only what needs the network.
export _R_CHECK_CRAN_INCOMING_=false _R_CHECK_SYSTEM_CLOCK_=0 _R_CHECK_FORCE_SUGGESTS_=false
check() {
  local place=$work/$1
  mkdir "$place"
  (cd "$place" && NOT_CRAN=true R CMD check --as-cran --no-manual "${@:2}" ../kerastl_*.tar.gz) \
    >"$place/log" 2>&1 || true
  # Numbers of tests, and the reasons of skipped ones.
  grep -hE '^\[ FAIL|^• ' "$place"/kerastl.Rcheck/tests/testthat.Rout* || true
  grep '^Status:' "$place/log" || true
  grep -q '^Status: OK$' "$place/log" || {
    cat "$place/log" "$place"/kerastl.Rcheck/tests/testthat.Rout.fail 2>/dev/null
    exit 1
  }
}

without_python() {
  RETICULATE_PYTHON='' check without-python --no-vignettes
}

step "build and install" build
# R uses one core: the steps without Python run in parallel to those with Python.
step "R CMD check with Python" check with-python >"$work/with.log" 2>&1 &
with=$!
{
  step "lint" lint
  step "generated files" generated_files
  step "generated functions" generated_functions
  step "reference index" reference_index
  step "R CMD check without Python" without_python
} >"$work/without.log" 2>&1 &
without=$!
wait $with || status=$?
wait $without || status=$?
cat "$work/with.log" "$work/without.log"
exit "$status"
