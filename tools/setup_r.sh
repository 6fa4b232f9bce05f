#!/usr/bin/env bash
# Installs what the checks of the R package need: R and its packages from Debian, reticulate
# into a separate library folder, rpy2 into the virtual environment.
#
#   tools/setup_r.sh PYTHON LIBRARY
#
# Exits with 0 if everything is installed, and with 3 and the reason if this machine cannot
# install it. Running it again does nothing.
set -euo pipefail

# Absolute, since some steps run in other folders; -s, since a virtual environment's Python is
# a link.
python=$(command -v "$1") || { echo "Expected a Python to run. Received: $1." >&2; exit 1; }
python=$(realpath -s "$python")
library=$(realpath -m "$2")
reticulate_needed=1.41
packages=(
  r-base-dev r-cran-testthat r-cran-roxygen2 r-cran-lintr r-cran-ggplot2 r-cran-cli
  r-cran-rlang r-cran-tibble r-cran-knitr r-cran-rmarkdown r-cran-withr r-cran-here
  r-cran-jsonlite r-cran-lifecycle r-cran-png r-cran-rappdirs r-cran-rcpp r-cran-rcpptoml r-cran-matrix
  r-cran-generics r-cran-magrittr r-cran-shiny r-cran-miniui r-cran-callr r-cran-rstudioapi
  r-cran-plumber r-cran-rsample pandoc qpdf tidy
)

skip() {
  echo "R checks are skipped: $1"
  exit 3
}

has_packages() {
  Rscript -e 'p <- c("testthat", "roxygen2", "lintr", "ggplot2", "cli", "rlang", "tibble",
    "knitr", "rmarkdown", "withr", "here", "jsonlite", "lifecycle", "png", "rappdirs",
    "Rcpp", "RcppTOML", "Matrix", "generics", "magrittr", "shiny", "miniUI", "callr",
    "rstudioapi", "plumber", "rsample")
    quit(status = !all(nzchar(vapply(p, function(x) system.file(package = x), ""))))' \
    >/dev/null 2>&1
}

install_r() {
  command -v apt-get >/dev/null || skip "R or one of its packages is missing, and apt-get is not available; install R and the packages in r/DESCRIPTION"
  [ "$(id -u)" = 0 ] || skip "R or one of its packages is missing; as root, run: apt-get install ${packages[*]}"
  echo "Installing R and its packages with apt-get"
  {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
  } >"$work/apt.log" 2>&1 || { tail -n 5 "$work/apt.log"; skip "apt-get could not install them"; }
}

has_reticulate() {
  R_LIBS="$library" Rscript -e \
    "quit(status = !(nzchar(system.file(package = 'reticulate')) && packageVersion('reticulate') >= '$reticulate_needed'))" \
    >/dev/null 2>&1
}

reticulate_from_cran() {
  R_LIBS="$library" timeout 300 Rscript -e \
    "options(timeout = 20); install.packages('reticulate', lib = '$library', dependencies = FALSE)" \
    >"$work/cran.log" 2>&1 && has_reticulate
}

# The Debian mirror that this machine's package lists use.
debian_mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep -E '^deb ' || true
    grep -hE '^URIs:' /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    grep -oE '[a-z]+://[^ ]+/debian/?( |$)' | head -1 | tr -d ' '
}

# Installs the source package of a newer Debian, verified by apt, with separate package lists so
# that those of the system do not change.
reticulate_from_newer_debian() {
  local suite=$1 mirror apt
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || return 1
  mkdir -p "$work/$suite/lists/partial" "$work/$suite/cache/archives/partial"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$work/$suite/sources.list"
  apt=(apt-get -q -o "Dir::Etc::SourceList=$work/$suite/sources.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State::Lists=$work/$suite/lists" -o "Dir::Cache=$work/$suite/cache"
    -o APT::Sandbox::User=root)
  (
    cd "$work/$suite"
    "${apt[@]}" update && "${apt[@]}" source --download-only --tar-only r-cran-reticulate
    mkdir source && tar -xf r-cran-reticulate_*.orig.tar.* -C source --strip-components 1
    R_LIBS="$library" R CMD INSTALL --no-docs --no-test-load --library="$library" source
  ) >"$work/$suite.log" 2>&1 && has_reticulate
}

install_reticulate() {
  echo "Installing reticulate $reticulate_needed or newer"
  mkdir -p "$library"
  reticulate_from_cran && return
  for suite in trixie forky sid; do
    reticulate_from_newer_debian "$suite" && return
  done
  tail -n 3 "$work"/*.log
  skip "reticulate $reticulate_needed is available neither from CRAN nor as a source package of a newer Debian"
}

# rpy2 3.6 and newer need a symbol that R before 4.5 lacks.
install_rpy2() {
  "$python" -c 'import rpy2.rinterface_lib.openrlib' >/dev/null 2>&1 && return
  local wanted='rpy2==3.5.17'
  Rscript -e 'quit(status = !(getRversion() >= "4.5"))' >/dev/null 2>&1 && wanted='rpy2>=3.6'
  echo "Installing $wanted"
  "$python" -m pip install --quiet "$wanted" >"$work/rpy2.log" 2>&1 ||
    { tail -n 3 "$work/rpy2.log"; skip "rpy2 could not be installed"; }
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ command -v Rscript >/dev/null && has_packages; } || install_r
has_packages || skip "some R packages are missing; see the list in tools/setup_r.sh"
has_reticulate || install_reticulate
install_rpy2
