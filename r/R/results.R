# What train_classifier() wrote besides the classifier.

#' @rdname train_classifier
#' @param results The folder of results, `out` of `train_classifier()`.
#' @param split `"test"`, `"validation"`, or, if there were too few images to split them,
#'   `"cross-validation"`. `NULL` takes the test, or else the cross-validation.
#' @export
load_evaluation <- function(results, split = NULL) {
  found <- evaluation_folder(file_path(results), split)
  if (is.null(found)) {
    cli::cli_abort("{.arg results} must be a folder of results of {.fn train_classifier} with
                    {if (is.null(split)) 'an evaluation' else paste('the split', split)}, not
                    {.file {results}}.")
  }
  as_evaluation(toolkit()$evaluation$Evaluation$load(found))
}

#' @rdname train_classifier
#' @export
load_histories <- function(results) {
  files <- Sys.glob(file.path(file_path(results), "trials", "*", "history.csv"))
  histories <- lapply(files, function(file) as_history(toolkit()$training$History$load(file)))
  # The folders are called "network-0123456789".
  rlang::set_names(histories, sub("-[0-9a-f]{10}$", "", basename(dirname(files))))
}

# The evaluation of several networks together, or that of the only one.
evaluation_folder <- function(folder, split = NULL) {
  for (name in split %||% c("test", "cross-validation")) {
    folders <- c(
      file.path(folder, "evaluation", name),
      Sys.glob(file.path(folder, "trials", "*", "evaluation", name))
    )
    found <- folders[file.exists(file.path(folders, "predictions.csv"))]
    if (length(found) > 0) {
      return(found[1])
    }
  }
}
