#' Read the results of train_classifier()
#'
#' `load_evaluation()` reads how the classifier in a folder of results did on images that it was not
#' trained on, `load_histories()` how it was trained. [load_classifier()] reads the classifier
#' itself, from the folder `classifier` in it.
#'
#' @param folder The folder of results, `out` of [train_classifier()].
#' @param split `"test"`, `"validation"`, or, if there were too few images to split them,
#'   `"cross-validation"`. `NULL` takes the test, or else the cross-validation.
#' @returns An evaluation, as [evaluate_classifier()] returns it; a list of histories, one for each
#'   network that was trained. It is empty if there were too few images to train by epochs.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 4, test_simple = 2)
#' results <- tempfile()
#' classifier <- train_classifier(
#'   file.path(folder, "TRAIN"), results, backbone = "mobilenet", weights = NULL,
#'   target_size = c(32, 32), epochs = 2, batch_size = 4
#' )
#' load_evaluation(results)
#' plot(load_histories(results)[[1]])
load_evaluation <- function(folder, split = NULL) {
  found <- evaluation_folder(file_path(folder), split)
  if (is.null(found)) {
    cli::cli_abort("{.arg folder} must be a folder of results of {.fn train_classifier} with
                    {if (is.null(split)) 'an evaluation' else paste('the split', split)}, not
                    {.file {folder}}.")
  }
  as_evaluation(toolkit()$evaluation$Evaluation$load(found))
}

#' @rdname load_evaluation
#' @export
load_histories <- function(folder) {
  files <- Sys.glob(file.path(file_path(folder), "trials", "*", "history.csv"))
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
