#' Splits of rsample
#'
#' `split_tables()` takes a split or resamples that rsample made of a table of images, and returns
#' the tables that [flow_images_from_dataframe()], [cross_fit()] and so on take. `as_rsample()`
#' makes such an object of a table that [split_fractions()] or [k_folds()] has split.
#'
#' To keep copies of one photograph together, split by groups:
#' `list_images(folder) |> duplicate_groups() |> rsample::group_vfold_cv(group = "group")`.
#'
#' @param x A split (`rsample::initial_split()`, `initial_validation_split()`) or resamples
#'   (`group_vfold_cv()`, `vfold_cv()`, `mc_cv()`, `validation_split()`).
#' @param table A table of images with a column `fold` or `split`.
#' @param train,test Values of the column `split`. All others are left out.
#' @returns `split_tables()` returns a list of tables, `train` and `test`, or `train`, `validation`
#'   and `test`; for resamples a list of such lists, named by resample, with `validation` in place
#'   of `test`. `as_rsample()` returns resamples for a table with the column `fold`, otherwise a
#'   split.
#' @export
#' @examplesIf kerastl::is_keras_available() && requireNamespace("rsample", quietly = TRUE)
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' images <- list_images(file.path(folder, "TRAIN"))
#' tables <- split_tables(rsample::initial_split(images, strata = class))
#' flow <- flow_images_from_dataframe(tables$train, target_size = c(32, 32))
#' as_rsample(k_folds(images, 4))
split_tables <- function(x) {
  rlang::check_installed("rsample", "to use its splits.")
  if (inherits(x, "rset")) {
    ids <- x[startsWith(names(x), "id")]
    return(rlang::set_names(
      lapply(x$splits, two_tables, "validation"), do.call(paste, c(unname(as.list(ids)), sep = "."))
    ))
  }
  if (inherits(x, c("three_way_split", "initial_validation_split"))) {
    parts <- c(train = "training", validation = "validation", test = "testing")
    return(lapply(parts, function(part) getExportedValue("rsample", part)(x)))
  }
  if (!inherits(x, "rsplit")) {
    cli::cli_abort("{.arg x} must be a split or resamples of rsample, not {describe(x)}.")
  }
  two_tables(x, if (inherits(x, "val_split")) "validation" else "test")
}

two_tables <- function(split, assessed) {
  tables <- list(rsample::analysis(split), rsample::assessment(split))
  rlang::set_names(tables, c("train", assessed))
}

#' @rdname split_tables
#' @export
as_rsample <- function(table, train = "train", test = "test") {
  rlang::check_installed("rsample", "to make its splits.")
  if (!is.data.frame(table) || !any(c("fold", "split") %in% names(table))) {
    cli::cli_abort("{.arg table} must be a table that {.fn split_fractions} or {.fn k_folds} has
                    split, not {describe(table)}.")
  }
  if ("fold" %in% names(table)) {
    folds <- sort(unique(table$fold))
    splits <- lapply(folds, function(fold) {
      rsample_split(table, which(table$fold != fold), which(table$fold == fold))
    })
    return(rsample::manual_rset(splits, paste0("Fold", folds)))
  }
  known <- unique(as.character(table$split))
  for (name in c("train", "test")) {
    if (!all(get(name) %in% known)) {
      cli::cli_abort("{.arg {name}} must be among {.val {known}}, not {.val {get(name)}}.")
    }
  }
  rsample_split(table, which(table$split %in% train), which(table$split %in% test))
}

rsample_split <- function(table, analysis, assessment) {
  rsample::make_splits(list(analysis = analysis, assessment = assessment), data = table)
}
