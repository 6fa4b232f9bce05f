#' Run a study
#'
#' A study is a set of trials on one data set. Running a study again skips the trials that are
#' already finished, so that an interrupted study resumes where it stopped.
#'
#' @param name Name of the study, such as `"blood_cells"`. `study_names()` lists the names.
#' @param data Folder of images, with the layout that the study expects. `NULL` generates small
#'   synthetic images if `quick = TRUE`.
#' @param out Folder for the results.
#' @param quick Whether to run a reduced version that takes minutes.
#' @param epochs Number of epochs of every phase. `NULL` uses the number of the study.
#' @param repeats How often to run every trial, each time with the next seed. `NULL` uses the
#'   number of the study.
#' @param trials Names of the trials to run, or patterns such as `"version-1-*"`. `NULL` runs
#'   all.
#' @param changes A named list of settings to change in all trials that have them, such as
#'   `list("data.batch_size" = 32)`.
#' @param jobs Number of trials to run in parallel, each in its own process; on a cluster, on each
#'   of its machines.
#' @param cluster The Ray cluster that runs the trials: `"auto"` for the one that this machine
#'   belongs to, or `"ray://HOST:10001"`. `NULL` runs them here.
#' @param seed Random seed of the first repeat.
#' @param weights Weights of the backbones: `"imagenet"`, the path of a weights file, or `NULL`
#'   for random weights.
#' @param on_bad What to do if images cannot be read, which is checked before the first trial:
#'   `"raise"` an error that names them, or `"skip"` them with a warning. `NULL` does not check.
#' @param object,x A result of `run_study()`.
#' @param study A result of `run_study()`, or folders of results of one or several studies.
#' @param metric Metric to compare or to plot. `NULL` compares the main metric of the study.
#' @param row.names,optional,y,... Not used.
#' @param backbone A backbone to try beside the published ones, such as `"efficientnet_lite0"`.
#' @returns An object of class `kerastl_study`: a list with `table` (one row per trial),
#'   `results` (one row per measured value), `summary` (means with 95 % confidence intervals over
#'   repeats and folds), `intervals` (the accuracy of each trial with its 95 % interval by distinct
#'   image or group, and whether it differs from the best trial's), `history` (one row per
#'   epoch), `failures` (messages of failed trials), `folder` and `report` (the path of an HTML
#'   page). `as.data.frame()` returns the results,
#'   `summary()` the means, and `plot()` shows the training curves of all trials.
#'   `compare_trials()` returns a table of paired comparisons over the repeats that two trials
#'   have in common, and `study_names()` the names of all studies.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' study_names()
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 4, test_simple = 2)
#' study <- run_study("blood_cells",
#'   data = folder, out = tempfile(), quick = TRUE, epochs = 1, trials = "version-1-sgd"
#' )
#' study$table
#' plot(study)
run_study <- function(name, data = NULL, out = paste0(name, "-results"), quick = FALSE,
                      epochs = NULL, repeats = NULL, trials = NULL, changes = NULL, jobs = 1,
                      seed = 0, weights = "imagenet", on_bad = "raise", backbone = NULL,
                      cluster = NULL) {
  check_string(name)
  as_study(with_python_warnings(toolkit()$studies$run_study(
    name, file_path(data), file_path(out),
    quick = quick, epochs = whole_number(epochs), repeats = whole_number(repeats),
    trials = if (is.null(trials)) NULL else paste(trials, collapse = ","),
    changes = integers_where_whole(changes), jobs = whole_number(jobs),
    seed = whole_number(seed), weights = weights_source(weights), on_bad = on_bad,
    backbone = backbone, cluster = cluster
  )))
}

#' @rdname run_study
#' @export
study_names <- function() gsub("-", "_", unlist(toolkit()$studies$study_names()))

as_study <- function(result) {
  plain <- function(frame) as_table(frame, class_columns = character())
  histories <- lapply(result$trials, function(run) {
    table <- as.data.frame(plain(run$history()$to_frame()))
    cbind(trial = run$trial$name, seed = run$trial$seed, fold = run$trial$fold, table)
  })
  structure(
    list(
      name = result$study$name,
      table = plain(result$table),
      results = plain(result$to_frame()),
      summary = plain(result$summary),
      intervals = plain(result$intervals),
      history = as_tibble_if_installed(do.call(rbind, histories) %||% data.frame()),
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
    cli::cli_abort("{.arg study} must be the result of {.fn run_study} or the paths of result
                    folders, not {describe(study)}.")
  }
  as_table(pairs, class_columns = character())
}

#' @rdname run_study
#' @export
print.kerastl_study <- function(x, ...) {
  cat(sprintf(
    "<study %s, trials: %d finished, %d failed>\n", x$name, nrow(x$table), length(x$failures)
  ))
  shown <- c(
    "trial", "runs", "epochs", "validation accuracy", "test accuracy", "test macro f1", "seconds"
  )
  table <- as.data.frame(x$table)
  table <- table[intersect(shown, names(table))]
  names(table) <- sub("validation accuracy", "validation", names(table))
  names(table) <- sub("^test (accuracy)?", "test ", names(table)) |> trimws()
  print(table, digits = 3, row.names = FALSE)
  if (nrow(x$intervals) > 0) {
    cat("\naccuracy with its 95 % interval, by distinct image or group:\n")
    intervals <- as.data.frame(x$intervals)
    accuracy <- sprintf("%.3f (%.3f to %.3f)", intervals$accuracy, intervals$low, intervals$high)
    shown <- cbind(intervals[c("split", "trial")], accuracy = accuracy)
    # One trial alone is not compared.
    shown$conclusion <- intervals$conclusion
    print(shown, row.names = FALSE)
  }
  if (length(x$failures) > 0) {
    cat(sprintf("failed: %s: %s", names(x$failures), x$failures), sep = "\n")
  }
  cat("all columns: $table; report:", x$report, "\n")
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
    cli::cli_abort("{.arg metric} must be one of {.or {.val {unique(x$history$metric)}}}, not
                    {.val {metric}}.")
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
      ggplot2::scale_x_continuous(breaks = epoch_breaks) +
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
    graphics::axis(1, at = epoch_breaks(rows$epoch))
    for (run in split(rows, list(rows$trial, rows$seed, rows$fold), drop = TRUE)) {
      graphics::lines(run$epoch, run$value, col = colours[match(run$trial[1], trials)])
    }
  }
  graphics::legend("bottomright", legend = trials, col = colours, lty = 1, bty = "n", cex = 0.7)
  invisible(x)
}
