# Runs the notebooks in R by knitr, and writes what they say to Markdown beside them.
#
#   Rscript tools/docs/knit_notebooks.R [OUT] [NAME ...]
#
# Each runs in an empty folder and a session of its own. OUT is notebooks/r where it is not given.
arguments <- commandArgs(trailingOnly = TRUE)
out <- normalizePath(if (length(arguments) > 0) arguments[1] else "notebooks/r")
names <- if (length(arguments) > 1) {
  arguments[-1]
} else {
  sub("[.]qmd$", "", list.files("notebooks/r", "[.]qmd$"))
}

knit <- function(source, out, name) {
  folder <- tempfile()
  dir.create(folder)
  setwd(out)
  knitr::opts_knit$set(root.dir = folder)
  knitr::opts_chunk$set(
    fig.path = paste0(name, "_files/"), error = FALSE, fig.alt = "Figure"
  )
  knitr::knit(source, paste0(name, ".md"), quiet = TRUE)
}

for (name in names) {
  source <- normalizePath(file.path("notebooks/r", paste0(name, ".qmd")))
  callr::r(knit, list(source, out, name))
}
