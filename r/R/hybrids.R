#' A support vector machine on a network's layer
#'
#' The outputs of a layer are the features of a support vector machine (or of support vector
#' regression), tuned by cross-validation. It becomes layers of the network: what comes back is
#' a model like any other, which predicts, is measured, saved and trained on.
#'
#' @param object A trained model; it stays as it is. For `fine_tune_svm()` what `fit_svm()` gave.
#' @param x A flow of the training pictures; for `fit_svr()` with one number a picture
#'   (`class_mode = "raw"`).
#' @param layer The layer: its name, or its place from 1; -2 is the last but one.
#' @param grid A list of values to try for `kernel` (`"linear"`, `"rbf"`) and `C`; both kernels
#'   with 0.1, 1 and 10 when `NULL`.
#' @param folds Folds of the cross-validation.
#' @param seed Their seed, and that of the network's first weights.
#' @param input_shape Height, width and channels.
#' @param epochs How long the whole is trained on.
#' @param learning_rate,momentum Of the optimizer, SGD.
#' @param verbose 0 silent, 1 a progress bar, 2 one line an epoch.
#' @param ... Further arguments of `fit()`, such as `validation_data`.
#' @returns `fit_svm()` and `fit_svr()` a list of `model` and `search` (what cross-validation
#'   found, the best first); `feature_network()` the published network for them, from pictures
#'   to 100 features; `fine_tune_svm()` the history.
#' @export
#' @examples
#' \dontrun{
#' hybrid <- fit_svm(model, train_flow, layer = "features")
#' hybrid$search
#' evaluate_classifier(hybrid$model, test_flow)
#' fine_tune_svm(hybrid, train_flow, epochs = 3)
#' }
fit_svm <- function(object, x, layer = -2, grid = NULL, folds = 5, seed = 0) {
  as_hybrid(fit_machine(toolkit()$ensembles$fit_svm, object, x, layer, grid, folds, seed))
}

#' @rdname fit_svm
#' @export
fit_svr <- function(object, x, layer = -2, grid = NULL, folds = 5, seed = 0) {
  as_hybrid(fit_machine(toolkit()$ensembles$fit_svr, object, x, layer, grid, folds, seed))
}

#' @rdname fit_svm
#' @export
fine_tune_svm <- function(object, x, epochs = 5, learning_rate = 1e-4, momentum = 0.9,
                          verbose = getOption("keras.fit_verbose", default = 1), ...) {
  if (!inherits(object, "kerastl_hybrid")) {
    cli::cli_abort("{.arg object} must come from {.fn fit_svm}, not be {describe(object)}.")
  }
  check_flow(x)
  arguments <- c(list(
    attr(object, "python"), x,
    epochs = whole_number(epochs), learning_rate = learning_rate, momentum = momentum,
    verbose = verbose_level(if (missing(verbose)) default_verbose() else verbose)
  ), toolkit_options(list(...)))
  until_interrupted(do.call(toolkit()$ensembles$fine_tune_svm, arguments))
}

#' @rdname fit_svm
#' @export
feature_network <- function(input_shape = c(32, 32, 3), seed = NULL) {
  as_model(toolkit()$ensembles$feature_network(shape(input_shape), seed = whole_number(seed)))
}

fit_machine <- function(fitter, object, x, layer, grid, folds, seed,
                        call = rlang::caller_env()) {
  check_model(object, call = call)
  check_flow(x, call = call)
  fitter(
    object, x,
    layer = layer_place(layer, "layer", call),
    grid = if (is.null(grid)) NULL else lapply(grid, as.list),
    folds = whole_number(folds, call = call), seed = whole_number(seed, call = call)
  )
}

as_hybrid <- function(hybrid) {
  structure(
    list(
      model = as_model(hybrid$model),
      search = as_table(hybrid$search, class_columns = character())
    ),
    python = hybrid,
    class = "kerastl_hybrid"
  )
}

#' @export
print.kerastl_hybrid <- function(x, ...) {
  cat("<network with a support vector machine on top; cross-validation found:>\n")
  print(as.data.frame(x$search), digits = 3, row.names = FALSE)
  invisible(x)
}
