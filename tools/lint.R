# Lints all R code of the repository; ends with 1 when something is found.
library(lintr)

linters <- linters_with_defaults(
  line_length_linter(100),
  object_name_linter = NULL, # S3 methods of classes with dots in their names
  object_usage_linter = NULL, # R CMD check does the same better
  object_length_linter = NULL, # featurewise_std_normalization and its like
  cyclocomp_linter(15)
)
folders <- c("r/R", "r/tests", "examples", "tools")
found <- do.call(c, lapply(folders, lint_dir, linters = linters))
if (length(found) > 0) {
  print(structure(found, class = "lints"))
  quit(status = 1)
}
