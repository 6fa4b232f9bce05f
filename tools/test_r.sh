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
  "$@" >"$work/log" 2>&1 || { tail -60 "$work/log"; exit 1; }
}

step() {
  [ -z "${doing:-}" ] || echo "   $((SECONDS - began)) s"
  doing=$1 began=$SECONDS
  [ -z "$1" ] || echo "R: $1"
}

step "lint"
quietly Rscript tools/lint.R

step "are NAMESPACE and man/ what roxygen2 makes of the sources?"
cp -r r "$work/source"
(cd "$work/source" && quietly Rscript -e 'suppressMessages(roxygen2::roxygenise())')
diff -r r/man "$work/source/man" && diff r/NAMESPACE "$work/source/NAMESPACE" || {
  echo "run roxygen2::roxygenise() in r/"
  exit 1
}

step "build and install"
(cd "$work" && quietly R CMD build --no-resave-data "$OLDPWD/r")
quietly R CMD INSTALL --no-test-load --library="$library" "$work"/kerastl_*.tar.gz

# Only what needs the network or the world's clock is left out.
export _R_CHECK_CRAN_INCOMING_=false _R_CHECK_SYSTEM_CLOCK_=0 _R_CHECK_FORCE_SUGGESTS_=false
check() {
  (cd "$work" && NOT_CRAN=true R CMD check --as-cran --no-manual "$@" kerastl_*.tar.gz) \
    >"$work/check.log" 2>&1 || true
  grep -E '^\[ FAIL|^Status:' "$work/check.log" "$work"/kerastl.Rcheck/tests/testthat.Rout* |
    sed 's/^[^:]*://' || true
  # Which tests were skipped, and why.
  grep '^• ' "$work"/kerastl.Rcheck/tests/testthat.Rout* || true
  grep -q '^Status: OK$' "$work/check.log" || {
    cat "$work/check.log" "$work"/kerastl.Rcheck/tests/testthat.Rout.fail 2>/dev/null
    exit 1
  }
}
step "R CMD check with Python"
check
step "R CMD check without Python"
RETICULATE_PYTHON='' check --no-vignettes
step ""
