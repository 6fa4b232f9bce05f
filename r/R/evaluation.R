#' Evaluate a classifier
#'
#' Predicts every image once, in file order and without augmentation, even if the flow shuffles
#' or augments.
#'
#' @param object A model or a classifier.
#' @param x A flow. For a classifier also a folder with one subfolder per class.
#' @param batch_size Number of images per batch, if `x` is a folder.
#' @param test_time_augmentation `NULL`, or views of each image over which probabilities are
#'   averaged: `"hflip"`, `"flips"`, or `"d4"` (flips and quarter turns).
#' @param ... Not used.
#' @returns An object of class `kerastl_evaluation`: a list with `accuracy`, `loss`, `by_class`
#'   (precision, recall, F1 and support of each class), `confusion` and `predictions`, a table
#'   with one row per image: `filename`, `class` (the true class), `predicted` and one column of
#'   probabilities per class. `as.data.frame()` returns the predictions, `summary()` the overall
#'   metrics, and `plot()` shows the confusion matrix or the worst mistakes.
#' @export
#' @examples
#' \dontrun{
#' result <- evaluate_classifier(model, test_flow)
#' result$confusion
#' plot(result)
#' plot(result, "mistakes")
#' }
evaluate_classifier <- function(object, x, batch_size = 32, test_time_augmentation = NULL) {
  if (!is_python(object)) {
    cli::cli_abort("{.arg object} must be a model or a classifier, not {describe(object)}.")
  }
  if (!is.character(x)) {
    check_flow(x)
  }
  as_evaluation(toolkit()$evaluation$evaluate_classifier(
    object, if (is.character(x)) file_path(x) else x,
    batch_size = whole_number(batch_size),
    test_time_augmentation = test_time_augmentation
  ))
}

as_evaluation <- function(result) {
  names <- as.character(unlist(result$class_names))
  structure(
    list(
      accuracy = result$accuracy,
      loss = result$loss,
      by_class = as_table(result$by_class, class_columns = character()),
      confusion = as_confusion(result$confusion, names),
      predictions = as_predictions(result$predictions)
    ),
    summary = result$summary,
    python = result,
    class = "kerastl_evaluation"
  )
}

#' @rdname evaluate_classifier
#' @export
print.kerastl_evaluation <- function(x, ...) {
  cat(sprintf(
    "<evaluation on %s images: accuracy %.4f, loss %.4f>\n\n",
    format(nrow(x$predictions), big.mark = ","), x$accuracy, x$loss
  ))
  print(as.data.frame(x$by_class), digits = 3, row.names = FALSE)
  cat("\n")
  print(x$confusion)
  invisible(x)
}

#' @rdname evaluate_classifier
#' @export
summary.kerastl_evaluation <- function(object, ...) {
  as_tibble_if_installed(as.data.frame(attr(object, "summary")))
}

#' @rdname evaluate_classifier
#' @export
as.data.frame.kerastl_evaluation <- function(x, ...) as.data.frame(x$predictions)

#' @rdname evaluate_classifier
#' @param what `"confusion"` for the confusion matrix, `"mistakes"` for the misclassified images
#'   with the highest probabilities.
#' @param count Maximum number of mistakes.
#' @export
plot.kerastl_evaluation <- function(x, what = c("confusion", "mistakes"), count = 16, ...) {
  if (rlang::arg_match(what) == "confusion") {
    return(plot(x$confusion))
  }
  files <- attr(x, "python")$with_files
  show_figure(toolkit()$evaluation$plot_mistakes(files, count = whole_number(count)))
  invisible(x)
}
