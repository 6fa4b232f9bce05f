#' List and split the images of a folder
#'
#' `list_images()` returns a table of files and classes for [flow_images_from_dataframe()]. The
#' other functions add a column to such a table; the same seed always gives the same split.
#'
#' @param directory A folder with one subfolder of images per class, or the shards that
#'   [pack_images()] made of it.
#' @param classes Names of the classes. `NULL` uses all subfolders.
#' @param follow_links Whether to follow symbolic links to folders.
#' @param corrections Images to leave out and images of another class: a CSV file, such as the pages
#'   of [save_audit()] and [save_label_errors()] write, or a data frame with the columns `filename`,
#'   `new_class` and `exclude`.
#' @param table A table of images, such as `list_images()` returns.
#' @param fractions Named fractions that sum to 1, such as
#'   `c(train = 0.6, validation = 0.2, test = 0.2)`.
#' @param by Column to stratify by, so that its values are equally frequent in all splits. `NULL`
#'   does not stratify.
#' @param groups Column of groups, such as patients, that must not be divided between splits.
#' @param seed Random seed of the split.
#' @param k Number of folds.
#' @param source Fraction of the images in the source set.
#' @param train Fraction of the target set used for training.
#' @param pattern A regular expression. The part of the file name that matches its first
#'   parentheses is the group.
#' @param workers Number of threads. `NULL` uses one per processor.
#' @returns The table. `list_images()` has the columns `filename` and `class` (a factor);
#'   `split_fractions()` and `split_source_target()` add a factor `split`, `k_folds()` adds the
#'   number of the `fold`, starting at 1, and `groups_from_names()` and `duplicate_groups()` add
#'   `group`. `duplicate_groups()` puts copies of the same photograph, including rotated,
#'   mirrored, shifted and brightened ones, into one group, so that a split with
#'   `groups = "group"` keeps them together.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' images <- list_images(file.path(folder, "TRAIN")) %>%
#'   split_fractions(c(train = 0.75, test = 0.25), seed = 1)
#' table(images$class, images$split)
list_images <- function(directory, classes = NULL, follow_links = FALSE, corrections = NULL) {
  as_table(with_python_warnings(toolkit()$images$list_images(
    file_path(directory), classes = text_list(classes), follow_links = follow_links,
    corrections = corrections_source(corrections)
  )))
}

corrections_source <- function(x) {
  if (is.data.frame(x)) as_frame(x) else if (!is.null(x)) file_path(x)
}

#' @rdname list_images
#' @export
split_fractions <- function(table, fractions = c(train = 0.6, validation = 0.2, test = 0.2),
                            by = "class", groups = NULL, seed = 0) {
  if (!is.numeric(fractions) || is.null(names(fractions))) {
    cli::cli_abort(c(
      "{.arg fractions} must be a named numeric vector, not {describe(fractions)}.",
      i = "For example {.code c(train = 0.8, test = 0.2)}."
    ))
  }
  result <- toolkit()$images$split_fractions(
    as_frame(table), as.list(fractions), by = by, groups = groups, seed = whole_number(seed)
  )
  as_split(result, table, names(fractions))
}

#' @rdname list_images
#' @export
split_source_target <- function(table, source = 0.6, train = 0.7, by = "class", groups = NULL,
                                seed = 0) {
  result <- toolkit()$images$split_source_target(
    as_frame(table), source = number(source), train = number(train), by = by, groups = groups,
    seed = whole_number(seed)
  )
  as_split(result, table)
}

#' @rdname list_images
#' @export
k_folds <- function(table, k, by = "class", groups = NULL, seed = 0) {
  result <- toolkit()$images$k_folds(
    as_frame(table), whole_number(k), by = by, groups = groups, seed = whole_number(seed)
  )
  as_split(result, table)
}

#' @rdname list_images
#' @export
groups_from_names <- function(table, pattern) {
  as_split(toolkit()$images$groups_from_names(as_frame(table), pattern), table)
}

#' @rdname list_images
#' @export
duplicate_groups <- function(table, workers = NULL) {
  as_split(toolkit()$images$duplicate_groups(as_frame(table), whole_number(workers)), table)
}

as_split <- function(frame, table, splits = NULL) {
  result <- as_table(frame, class_names = levels(table$class), class_columns = "class")
  if ("split" %in% names(result)) {
    result$split <- factor(result$split, levels = splits %||% unique(result$split))
  }
  result
}

#' Generate synthetic images of blood cells
#'
#' Writes images of stained blood smears with one white blood cell each, in the folders `TRAIN`,
#' `TEST` and `TEST_SIMPLE` with one subfolder per class: a data set to try things on. The same
#' seed always gives the same images.
#'
#' @param directory The folder to write to.
#' @param train,test,test_simple Number of images per class in each folder.
#' @param seed Random seed.
#' @param size Height and width of the images.
#' @returns The folder, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' plot(flow_images_from_directory(file.path(folder, "TRAIN"), target_size = c(240, 320)))
generate_blood_cells <- function(directory, train = 300, test = 100, test_simple = 20,
                                 seed = 0, size = c(240, 320)) {
  directory <- file_path(directory)
  toolkit()$images$generate_blood_cells(
    directory,
    train = whole_number(train), test = whole_number(test),
    test_simple = whole_number(test_simple), seed = whole_number(seed), size = shape_tuple(size)
  )
  invisible(directory)
}
