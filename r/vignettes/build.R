# Knits the vignettes that train models. R CMD build uses the results as they are, since training
# takes minutes. Run in this folder, with PYKERAS_TL_DATA set to the folder of data sets:
#   Rscript build.R [NAME]
names <- commandArgs(trailingOnly = TRUE)
if (length(names) == 0) {
  names <- c("getting-started", "blood-cells")
}
options(width = 76, keras.fit_verbose = 2)
for (name in names) {
  knitr::knit(paste0(name, ".Rmd.orig"), paste0(name, ".Rmd"))
}
