# Knits the vignettes that train models, each in a session of its own. R CMD build uses the results
# as they are, since training takes minutes. Run in this folder, with PYKERAS_TL_DATA set to the
# folder of data sets:
#   Rscript build.R [NAME]
name <- commandArgs(trailingOnly = TRUE)
if (length(name) == 0) {
  for (name in c("getting-started", "blood-cells", "custom-parts", "grad-cam")) {
    stopifnot(system2("Rscript", c("build.R", name)) == 0)
  }
} else {
  options(width = 76, keras.fit_verbose = 2)
  knitr::opts_chunk$set(error = FALSE)
  knitr::knit(paste0(name, ".Rmd.orig"), paste0(name, ".Rmd"))
}
