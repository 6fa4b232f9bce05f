#' Check a folder of images before training
#'
#' Finds files that are empty, truncated, unreadable or of another format than their extension
#' says; small and unbalanced classes; and duplicate images, including rotated, mirrored,
#' shifted and brightened copies, within a class, across classes and across splits. A test image
#' with a copy in the training set makes the measured accuracy too high.
#'
#' @param directory A folder with one subfolder per class, or one per split with the classes
#'   inside.
#' @param splits Names of the subfolders that are splits. `NULL` detects the usual names, such as
#'   `train` and `test`.
#' @param workers Number of threads. `NULL` uses one per processor.
#' @param folder Where to write the tables and a page that shows the pairs of copies.
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
audit <- function(directory, splits = NULL, workers = NULL) {
  result <- toolkit()$images$audit(
    file_path(directory), splits = text_list(splits), workers = whole_number(workers)
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
