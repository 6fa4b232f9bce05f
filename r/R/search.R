#' Search for the settings of a training
#'
#' Trains classifiers with different settings and keeps the one that does best on the validation
#' images. The training that [train_classifier()] would plan comes first; then Optuna suggests from
#' which stage on to fine-tune, learning rates, weight decay, label smoothing, dropout and
#' augmentation. Trials that are behind are ended early. The test images are looked at once, by the
#' best classifier. The same call goes on with an interrupted search.
#'
#' @inheritParams train_classifier
#' @param out Folder of results. It is created if missing.
#' @param trials Number of trainings.
#' @param minutes Time to plan each of them with.
#' @param cluster,jobs As in [run_study()]. `cluster = "local"` runs several trials at a time on
#'   this machine.
#' @param devices,mixed_precision The devices that each trial trains on, and the precision, as in
#'   [fit.kerastl_model()].
#' @returns A list of class `kerastl_search`: `table` (one row per trial), `best_settings`,
#'   `importances` (the share of the variance of the accuracy that each setting explains),
#'   `evaluation` (on the test images), `classifier`, `folder` and `report` (the path of an HTML
#'   page).
#' @export
#' @examples
#' \dontrun{
#' result <- search_classifier("birds", "birds-search", trials = 30)
#' result$best_settings
#' predict(result$classifier, "new-images")
#' }
search_classifier <- function(directory, out, trials = 20, minutes = 5, backbone = NULL,
                              weights = "imagenet", target_size = NULL, batch_size = NULL,
                              groups = "copies", cluster = NULL, jobs = 1, seed = 0,
                              on_bad = "raise", dtype_range = NULL, corrections = NULL,
                              devices = NULL, mixed_precision = NULL) {
  result <- with_python_warnings(toolkit()$search_classifier(
    file_path(directory), file_path(out),
    trials = whole_number(trials), minutes = as.numeric(minutes), backbone = backbone,
    weights = weights_source(weights), target_size = shape_tuple(target_size),
    batch_size = whole_number(batch_size), groups = groups, cluster = cluster,
    jobs = whole_number(jobs), seed = whole_number(seed), on_bad = on_bad,
    dtype_range = number_or_list(dtype_range), corrections = corrections_source(corrections),
    devices = device_names(devices), mixed_precision = mixed_precision
  ))
  importances <- result$importances$to_dict()
  structure(
    list(
      table = as_table(result$table, class_columns = character()),
      best_settings = result$best_settings,
      importances = unlist(importances),
      evaluation = as_evaluation(result$evaluation),
      classifier = as_classifier(result$classifier),
      folder = as.character(result$folder),
      report = as.character(result$report)
    ),
    class = "kerastl_search"
  )
}

#' @export
print.kerastl_search <- function(x, ...) {
  cat(sprintf("Search of %d trials; best settings:\n", nrow(x$table)))
  for (name in names(x$best_settings)) {
    cat(sprintf("  %s: %s\n", name, format(x$best_settings[[name]], digits = 3)))
  }
  print(x$evaluation)
  invisible(x)
}
