#' The pictures of a folder, and how they are split
#'
#' `list_images()` gives a table of files and classes, which [flow_images_from_dataframe()]
#' takes; the others add a column to it, the same for the same seed.
#'
#' @param directory A folder with one folder of pictures a class.
#' @param classes Class names; all folders when `NULL`.
#' @param follow_links Whether links to folders are followed.
#' @param table A table such as `list_images()` gives.
#' @param fractions Named shares that sum to 1, such as
#'   `c(train = 0.6, validation = 0.2, test = 0.2)`.
#' @param by The column in whose values the parts are alike; `NULL` draws from all rows.
#' @param groups A column whose values stay on one side, such as the patient.
#' @param seed The seed of the split.
#' @param k How many folds.
#' @param source Share of the pictures that are the source set.
#' @param train Share of the target set to train on.
#' @param pattern A regular expression: what its first parentheses match in the file's name is
#'   the group.
#' @param workers Threads; as many as processors when `NULL`.
#' @returns The table, with factors `class` and `split`, or whole numbers `fold` (from 1), or
#'   `group`. `duplicate_groups()` gives copies of one photograph (also turned, mirrored, moved
#'   or brighter) the same group, so that a split by `groups = "group"` keeps them together.
#' @export
#' @examples
#' \dontrun{
#' pictures <- list_images("cells") %>%
#'   split_fractions(c(train = 0.8, test = 0.2), seed = 1)
#' table(pictures$class, pictures$split)
#' }
list_images <- function(directory, classes = NULL, follow_links = FALSE) {
  as_table(toolkit()$images$list_images(
    file_path(directory), classes = text_list(classes), follow_links = follow_links
  ))
}

#' @rdname list_images
#' @export
split_fractions <- function(table, fractions = c(train = 0.6, validation = 0.2, test = 0.2),
                            by = "class", groups = NULL, seed = 0) {
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
    as_frame(table), source = source, train = train, by = by, groups = groups,
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

#' Draw a set of blood-cell pictures
#'
#' Stained smears with one white cell each, in `TRAIN`, `TEST` and `TEST_SIMPLE`, one folder a
#' class: data to try things on, of any size and the same for the same seed.
#'
#' @param directory The folder to draw into.
#' @param train,test,test_simple How many pictures a class in each part.
#' @param seed The seed.
#' @param size Height and width.
#' @returns The folder, invisibly.
#' @export
#' @examples
#' \dontrun{
#' draw_blood_cells("cells", train = 100, test = 20, test_simple = 5)
#' }
draw_blood_cells <- function(directory, train = 300, test = 100, test_simple = 20, seed = 0,
                             size = c(240, 320)) {
  directory <- file_path(directory)
  toolkit()$images$draw_blood_cells(
    directory,
    train = whole_number(train), test = whole_number(test),
    test_simple = whole_number(test_simple), seed = whole_number(seed), size = shape(size)
  )
  invisible(directory)
}
