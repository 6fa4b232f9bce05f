#!/usr/bin/env bash
# Every check of the R package: its set-up, lintr, the generated files, R CMD check with
# Python and without. Leaves kerastl installed in LIBRARY for tests/cross_language.
#
#   tools/test_r.sh PYTHON LIBRARY
#
# Where R cannot be had, says why and ends well.
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

# Says what is done, and how long it took.
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
    echo "NAMESPACE and man/ are not what roxygen2 makes: run roxygen2::roxygenise() in r/"
    exit 1
  }
}

# Only what needs the network or the world's clock is left out.
export _R_CHECK_CRAN_INCOMING_=false _R_CHECK_SYSTEM_CLOCK_=0 _R_CHECK_FORCE_SUGGESTS_=false
check() {
  local place=$work/$1
  mkdir "$place"
  (cd "$place" && NOT_CRAN=true R CMD check --as-cran --no-manual "${@:2}" ../kerastl_*.tar.gz) \
    >"$place/log" 2>&1 || true
  # The tests' sums, and which were skipped and why.
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

step "built and installed" build
# R works on one core: what needs no Python is done beside what does.
step "R CMD check with Python" check with-python >"$work/with.log" 2>&1 &
with=$!
{
  step "lint" lint
  step "NAMESPACE and man/ are what roxygen2 makes of the sources" generated_files
  step "R CMD check without Python" without_python
} >"$work/beside.log" 2>&1 &
beside=$!
wait $with || status=$?
wait $beside || status=$?
cat "$work/with.log" "$work/beside.log"
exit "$status"
