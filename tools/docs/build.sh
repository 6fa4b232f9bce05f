#!/usr/bin/env bash
# Builds the documentation site of both packages in build/site.
#
#   tools/docs/build.sh PYTHON LIBRARY
#
# The R half needs R and pkgdown, which are installed with apt-get on Debian when run as root. Where
# they cannot be, the reason is printed and the site is built without it.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(realpath -s "$1")
library=$(realpath -m "$2")
log=$(mktemp)
trap 'rm -f "$log"' EXIT

has_pkgdown() {
  Rscript -e 'quit(status = !nzchar(system.file(package = "pkgdown")))' >/dev/null 2>&1
}

install_pkgdown() {
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  echo "Installing pkgdown with apt-get"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends r-cran-pkgdown \
    >"$log" 2>&1
}

r_half() {
  rm -rf build/pkgdown
  tools/setup_r.sh "$python" "$library" || return 0
  has_pkgdown || install_pkgdown || {
    echo "The R half of the site is left out: pkgdown is missing; in R, install.packages(\"pkgdown\")"
    return 0
  }
  {
    R CMD INSTALL --no-test-load --library="$library" r &&
      R_LIBS=$library Rscript tools/docs/build_r.R build/pkgdown
  } >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
}

mkdir -p build
r_half
NO_MKDOCS_2_WARNING=1 "$(dirname "$python")/mkdocs" build --strict --quiet
echo "The site is in build/site. For its search: $1 -m http.server -d build/site, http://localhost:8000"
