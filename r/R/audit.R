#' Check a folder of images before training
#'
#' Finds files that are empty, truncated, unreadable or of another format than their extension
#' says; images that are blank, dark, overexposed, blurred, or of an odd shape or size; small and
#' unbalanced classes; and duplicate images, including rotated, mirrored,
#' shifted and brightened copies, within a class, across classes and across splits. A test image
#' with a copy in the training set makes the measured accuracy too high.
#'
#' @param directory A folder with one subfolder per class, or one per split with the classes
#'   inside; or the shards that [pack_images()] made of it.
#' @param splits Names of the subfolders that are splits. `NULL` detects the usual names, such as
#'   `train` and `test`.
#' @param workers Number of threads. `NULL` uses one per processor.
#' @param cluster The Ray cluster that reads the images, as for [run_study()]. Its machines find
#'   them by the same paths.
#' @param folder Where to write the tables, a page that shows the findings, and `review.html`, a
#'   page that shows the images, to filter and to mark those to leave out or to relabel. It saves
#'   the marks as a CSV file that [train_classifier()] and [list_images()] take as `corrections`.
#' @param x,... An audit.
#' @returns `audit()` returns a list of class `kerastl_audit` with `ok` (`TRUE` if nothing
#'   serious was found) and the tables `files`, `problems`, `copies`, `leaks` and `distinct` (the
#'   number of distinct images per class and split). `save_audit()` returns the path of the page.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' result <- audit(folder)
#' result
#' page <- save_audit(result, tempfile())
audit <- function(directory, splits = NULL, workers = NULL, cluster = NULL) {
  result <- toolkit()$images$audit(
    file_path(directory), splits = text_list(splits), workers = whole_number(workers),
    cluster = cluster
  )
  structure(
    list(
      ok = result$ok, files = as_table(result$files), problems = as_table(result$problems),
      copies = as_table(result$copies), leaks = as_table(result$leaks),
      distinct = as_table(result$distinct()$reset_index())
    ),
    python = result,
    class = "kerastl_audit"
  )
}

#' @rdname audit
#' @export
save_audit <- function(x, folder) {
  if (!inherits(x, "kerastl_audit")) {
    cli::cli_abort("{.arg x} must be the result of {.fn audit}, not {describe(x)}.")
  }
  path_text(attr(x, "python")$save(file_path(folder)))
}

#' @rdname audit
#' @export
print.kerastl_audit <- function(x, ...) {
  cat(attr(x, "python")$summary(), "\n", sep = "")
  invisible(x)
}

#' Find labels that are probably wrong
#'
#' Every image is predicted by linear classifiers on a frozen pretrained network that learned from
#' the other images, and the Python package cleanlab compares the probabilities with the labels
#' (`pip install "pykeras-tl[labels]"`).
#'
#' @param directory A folder with one subfolder per class, or one per split with the classes
#'   inside; or the shards that [pack_images()] made of it.
#' @inheritParams train_classifier
#' @param repeats How often the images are predicted, each time in other folds.
#' @param folder Where to write `label_errors.csv`, to fill in the column `new_class` or `exclude`
#'   and pass it as `corrections`; a sheet of the images; and a page on which to mark them, which
#'   saves such a table.
#' @param x,... The result of `find_label_errors()`.
#' @returns `find_label_errors()` returns a list of class `kerastl_label_errors` with the tables
#'   `suspects` (the most doubtful first) and `predictions`. `save_label_errors()` returns the path
#'   of the page.
#' @export
#' @examplesIf kerastl::is_keras_available() && reticulate::py_module_available("cleanlab")
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' found <- find_label_errors(
#'   file.path(folder, "TRAIN"), backbone = "mobilenet", weights = NULL, target_size = c(32, 32)
#' )
#' found
#' page <- save_label_errors(found, tempfile())
find_label_errors <- function(directory, backbone = NULL, weights = "imagenet",
                              target_size = NULL, groups = "copies", repeats = 1, seed = 0,
                              on_bad = "raise", dtype_range = NULL, corrections = NULL) {
  result <- with_python_warnings(toolkit()$find_label_errors(
    file_path(directory), backbone = backbone, weights = weights_source(weights),
    target_size = shape_tuple(target_size), groups = groups, repeats = whole_number(repeats),
    seed = whole_number(seed), on_bad = on_bad, dtype_range = number_or_list(dtype_range),
    corrections = corrections_source(corrections)
  ))
  structure(
    list(suspects = as_table(result$suspects), predictions = as_table(result$predictions)),
    python = result,
    class = "kerastl_label_errors"
  )
}

#' @rdname find_label_errors
#' @export
save_label_errors <- function(x, folder) {
  if (!inherits(x, "kerastl_label_errors")) {
    cli::cli_abort("{.arg x} must be the result of {.fn find_label_errors}, not {describe(x)}.")
  }
  path_text(attr(x, "python")$save(file_path(folder)))
}

#' @rdname find_label_errors
#' @export
print.kerastl_label_errors <- function(x, ...) {
  cat(attr(x, "python")$summary(), "\n", sep = "")
  invisible(x)
}
