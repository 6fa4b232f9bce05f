# Lints all R code of the repository. Exits with status 1 if there are lints.
library(lintr)

# As cyclocomp_linter(), which takes longer than all other linters together.
complexity_linter <- function(limit) {
  branches <- ".//IF | .//FOR | .//WHILE | .//REPEAT | .//AND2 | .//OR2"
  Linter(function(source_expression) {
    if (!is_lint_level(source_expression, "expression")) {
      return(list())
    }
    functions <- xml2::xml_find_all(source_expression$xml_parsed_content, "//FUNCTION/parent::expr")
    counts <- lengths(lapply(functions, xml2::xml_find_all, branches))
    xml_nodes_to_lints(
      functions[counts >= limit], source_expression,
      sprintf("Functions should have fewer than %d branches.", limit)
    )
  })
}

linters <- linters_with_defaults(
  line_length_linter(100),
  object_name_linter = NULL, # S3 methods of classes with dots in their names
  object_usage_linter = NULL, # R CMD check does this better
  object_length_linter = NULL, # long argument names of Keras: featurewise_std_normalization
  cyclocomp_linter = NULL,
  complexity_linter = complexity_linter(15)
)
folders <- c("r/R", "r/tests", "r/vignettes", "examples", "tools")
# What tools/keras2/generate.py writes is checked there.
generated <- function(folder) {
  as.list(list.files(folder, "generated-.*\\.R$", recursive = TRUE))
}
lints <- do.call(c, lapply(folders, function(folder) {
  lint_dir(folder, linters = linters, exclusions = generated(folder))
}))
if (length(lints) > 0) {
  print(structure(lints, class = "lints"))
  quit(status = 1)
}
