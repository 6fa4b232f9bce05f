#' Run a study
#'
#' A study is a table of trials on a set of pictures. A trial that is done is not run again,
#' and a study that was stopped goes on with the next one.
#'
#' @param name The study's name, such as `"blood_cells"`; `study_names()` lists them.
#' @param data The folder of pictures, laid out as the study says. `NULL` draws small ones for
#'   the quick form.
#' @param out The folder of results.
#' @param quick Whether to run the form that ends in minutes.
#' @param epochs Epochs of every phase; the study's own when `NULL`.
#' @param repeats How often every trial is run, each time with the next seed; as often as the
#'   authors did when `NULL`.
#' @param trials Names of the trials to run, or patterns such as `"version-1-*"`; all when
#'   `NULL`.
#' @param changes A named list of settings to change in every trial that has them, such as
#'   `list("data.batch_size" = 32)`.
#' @param jobs Trials at a time, each in a process of its own.
#' @param seed The seed of the first repeat.
#' @param weights Weights of the backbones: `"imagenet"`, the path of a file, or `NULL`.
#' @param object,x A study's result.
#' @param study A study's result, or folders of results, also of several studies.
#' @param metric The number that is compared (the study's own when `NULL`) or the metric that
#'   is drawn.
#' @param row.names,optional,y,... Not used.
#' @returns An object of class `kerastl_study`: a list of `table` (the trials side by side),
#'   `results` (all numbers, a row each), `summary` (means with 95 % intervals over repeats and
#'   folds), `history` (a row an epoch), `failures`, `folder` and `report` (a page to open in a
#'   browser). `as.data.frame()` gives the results, `summary()` the means, `plot()` all curves
#'   in one picture, `compare_trials()` a table of the trials in pairs over the repeats that
#'   they share.
#' @export
#' @examples
#' \dontrun{
#' draw_blood_cells("cells", train = 60, test = 20, test_simple = 5)
#' study <- run_study("blood_cells", data = "cells", out = "results", quick = TRUE)
#' study$table
#' plot(study)
#' browseURL(study$report)
#' }
run_study <- function(name, data = NULL, out = paste0(name, "-results"), quick = FALSE,
                      epochs = NULL, repeats = NULL, trials = NULL, changes = NULL, jobs = 1,
                      seed = 0, weights = "imagenet") {
  as_study(toolkit()$studies$run_study(
    name, file_path(data), file_path(out),
    quick = quick, epochs = whole_number(epochs), repeats = whole_number(repeats),
    trials = if (is.null(trials)) NULL else paste(trials, collapse = ","),
    changes = whole_where_whole(changes), jobs = whole_number(jobs),
    seed = whole_number(seed), weights = weights_source(weights)
  ))
}

#' @rdname run_study
#' @export
study_names <- function() gsub("-", "_", unlist(toolkit()$studies$study_names()))

as_study <- function(result) {
  plain <- function(frame) as_table(frame, class_columns = character())
  histories <- lapply(result$trials, function(done) {
    table <- as.data.frame(plain(done$history()$to_frame()))
    cbind(trial = done$trial$name, seed = done$trial$seed, fold = done$trial$fold, table)
  })
  structure(
    list(
      name = result$study$name,
      table = plain(result$table),
      results = plain(result$to_frame()),
      summary = plain(result$summary),
      history = as_tibble_if_there(do.call(rbind, histories) %||% data.frame()),
      failures = unlist(reticulate::py_to_r(result$failures)),
      folder = path_text(result$folder),
      report = path_text(result$report)
    ),
    python = result,
    class = "kerastl_study"
  )
}

#' @rdname run_study
#' @export
compare_trials <- function(study, metric = NULL) {
  if (inherits(study, "kerastl_study")) {
    pairs <- attr(study, "python")$compare(metric)
  } else if (is.character(study)) {
    results <- toolkit()$studies$read_runs(as.list(file_path(study)))
    pairs <- toolkit()$studies$paired_comparisons(as_frame(results), metric %||% "test accuracy")
  } else {
    cli::cli_abort("{.arg study} must come from {.fn run_study} or name folders of results, not
                    be {describe(study)}.")
  }
  as_table(pairs, class_columns = character())
}

#' @rdname run_study
#' @export
print.kerastl_study <- function(x, ...) {
  cat(sprintf("<study %s: %d trials done, %d failed>\n", x$name, nrow(x$table), length(x$failures)))
  print(as.data.frame(x$table), digits = 3, row.names = FALSE)
  if (length(x$failures) > 0) {
    cat(sprintf("failed: %s: %s", names(x$failures), x$failures), sep = "\n")
  }
  cat("report:", x$report, "\n")
  invisible(x)
}

#' @rdname run_study
#' @export
summary.kerastl_study <- function(object, ...) object$summary

#' @rdname run_study
#' @export
as.data.frame.kerastl_study <- function(x, row.names = NULL, optional = FALSE, ...) {
  as.data.frame(x$results)
}

#' @rdname run_study
#' @export
plot.kerastl_study <- function(x, y = NULL, metric = "accuracy", ...) {
  table <- x$history[x$history$metric == metric, ]
  if (nrow(table) == 0) {
    cli::cli_abort("There is no metric {.val {metric}}; there are
                    {.val {unique(x$history$metric)}}.")
  }
  if (nzchar(system.file(package = "ggplot2"))) {
    .data <- rlang::.data
    return(ggplot2::ggplot(
      table, ggplot2::aes(
        .data$epoch, .data$value,
        colour = .data$trial, group = interaction(.data$trial, .data$seed, .data$fold)
      )
    ) +
      ggplot2::geom_line() +
      ggplot2::geom_point(size = 1) +
      ggplot2::facet_wrap(ggplot2::vars(.data$data)) +
      ggplot2::scale_x_continuous(breaks = whole_breaks) +
      ggplot2::labs(y = metric, colour = NULL))
  }
  trials <- unique(table$trial)
  parts <- unique(table$data)
  old <- graphics::par(mfrow = c(1, length(parts)))
  on.exit(graphics::par(old))
  colours <- grDevices::hcl.colors(length(trials), "Dark 3")
  for (part in parts) {
    rows <- table[table$data == part, ]
    graphics::plot(range(rows$epoch), range(rows$value, na.rm = TRUE),
      type = "n", xlab = "epoch", ylab = metric, main = part, xaxt = "n"
    )
    graphics::axis(1, at = whole_breaks(rows$epoch))
    for (run in split(rows, list(rows$trial, rows$seed, rows$fold), drop = TRUE)) {
      graphics::lines(run$epoch, run$value, col = colours[match(run$trial[1], trials)])
    }
  }
  graphics::legend("bottomright", legend = trials, col = colours, lty = 1, bty = "n", cex = 0.7)
  invisible(x)
}

#' What is cached
#'
#' Decoded pictures and the output of frozen layers are kept on disk, so that the next run is
#' faster. `PYKERAS_TL_CACHE` names another folder, `PYKERAS_TL_CACHE_GB` a limit.
#'
#' @param kind `"features"` or another kind that `cache_list()` shows; all when `NULL`.
#' @returns `cache_list()` a table with a row for each store; `cache_clear()` the bytes that
#'   became free, invisibly; `cache_directory()` the folder.
#' @export
#' @examples
#' \dontrun{
#' cache_list()
#' cache_clear()
#' }
cache_list <- function() {
  stores <- toolkit()$stores$list_stores()
  # Paths and times go over as text, which R reads as it likes.
  stores <- stores$assign(
    path = reticulate::py_get_attr(stores, "path")$astype("str"),
    last_used = reticulate::py_get_attr(stores, "last_used")$astype("str")
  )
  table <- as_table(stores, class_columns = character())
  table$path <- as.character(table$path)
  table$last_used <- as.POSIXct(as.character(table$last_used), tz = "UTC")
  table
}

#' @rdname cache_list
#' @export
cache_clear <- function(kind = NULL) {
  freed <- toolkit()$stores$clear_stores(kind)
  cli::cli_inform("{format(round(freed / 1e6, 1))} MB are free again.")
  invisible(freed)
}

#' @rdname cache_list
#' @export
cache_directory <- function() path_text(toolkit()$files$cache_directory())

#' Fix the seed of everything that is random
#'
#' Of R, Python, NumPy and the Keras backend. `use_session_with_seed()` is its old name.
#'
#' @param seed A whole number.
#' @returns `seed`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' set_random_seed(42)
#' }
set_random_seed <- function(seed) {
  seed <- whole_number(seed)
  set.seed(seed)
  keras()$utils$set_random_seed(seed)
  invisible(seed)
}
