# Writes the pages of the R package by pkgdown.
#
#   Rscript tools/docs/build_r.R OUT
#
# kerastl must be installed. Uses no network; examples are not run, `R CMD check` does.
out <- commandArgs(trailingOnly = TRUE)[1]
dir.create(out, recursive = TRUE, showWarnings = FALSE)
out <- normalizePath(out) # pkgdown takes a relative path as one in r/

# pkgdown evaluates the conditions of examples, and asks CRAN for the addresses of packages that are
# not installed.
is_keras_available <- function(...) TRUE
nowhere <- function() data.frame(Package = character(), URL = character())
utils::assignInNamespace("CRAN_urls", nowhere, "downlit")

package <- pkgdown::as_pkgdown("r", override = list(destination = out))
pkgdown::init_site(package)
pkgdown::build_reference(package, examples = FALSE, preview = FALSE)
pkgdown::build_articles(package, preview = FALSE)
