#' Fit a support vector machine to the features of a network
#'
#' Fits a support vector machine (SVM) or support vector regression (SVR) to the output of a
#' layer, with hyperparameters tuned by cross-validation, and adds it to the network as layers.
#' The result is an ordinary model that can be used, evaluated, saved and trained further.
#'
#' @param object A trained model, which is not changed. For `fine_tune_svm()` the result of
#'   `fit_svm()`.
#' @param x A flow of training images. For `fit_svr()` with one number per image as label
#'   (`class_mode = "raw"`).
#' @param layer The layer: its name, or its index, starting at 1; -2 is the second to last layer.
#' @param grid A list of values to try for `kernel` (`"linear"`, `"rbf"`) and `C`. `NULL` tries
#'   both kernels with 0.1, 1 and 10.
#' @param folds Number of folds of the cross-validation.
#' @param seed Random seed of the folds, or of the weights of `feature_network()`.
#' @param input_shape Height, width and channels of the images.
#' @param epochs Number of epochs to train.
#' @param learning_rate,momentum Settings of the SGD optimizer.
#' @param verbose 0 for silent, 1 for a progress bar, 2 for one line per epoch.
#' @param ... Further arguments of `fit()`, such as `validation_data`.
#' @returns `fit_svm()` and `fit_svr()` return a list with the `model` and `search`, a table of
#'   the cross-validation results, the best first. `fine_tune_svm()` returns the history, and
#'   `feature_network()` the published network for images, which computes 100 features.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' flow <- flow_images_from_directory(
#'   file.path(folder, "TRAIN"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), batch_size = 8
#' )
#' test_flow <- flow_images_from_directory(
#'   file.path(folder, "TEST"), image_data_generator(rescale = 1 / 255),
#'   target_size = c(30, 40), shuffle = FALSE
#' )
#' model <- keras_model_sequential(input_shape = c(30, 40, 3)) %>%
#'   layer_conv_2d(4, 3, activation = "relu", name = "conv") %>%
#'   layer_global_average_pooling_2d() %>%
#'   layer_dense(8, activation = "relu", name = "features") %>%
#'   layer_dense(4, activation = "softmax")
#' model %>% compile("adam", "categorical_crossentropy", "accuracy")
#' hybrid <- fit_svm(model, flow, layer = "features")
#' hybrid$search
#' evaluate_classifier(hybrid$model, test_flow)
#' fine_tune_svm(hybrid, flow, epochs = 1, verbose = 0)
fit_svm <- function(object, x, layer = -2, grid = NULL, folds = 5, seed = 0) {
  fit_support_vectors(toolkit()$ensembles$fit_svm, object, x, layer, grid, folds, seed)
}

#' @rdname fit_svm
#' @export
fit_svr <- function(object, x, layer = -2, grid = NULL, folds = 5, seed = 0) {
  fit_support_vectors(toolkit()$ensembles$fit_svr, object, x, layer, grid, folds, seed)
}

#' @rdname fit_svm
#' @export
fine_tune_svm <- function(object, x, epochs = 5, learning_rate = 1e-4, momentum = 0.9,
                          verbose = getOption("keras.fit_verbose", default = 1), ...) {
  if (!inherits(object, "kerastl_hybrid")) {
    cli::cli_abort("{.arg object} must be the result of {.fn fit_svm}, not {describe(object)}.")
  }
  check_flow(x)
  arguments <- c(list(
    attr(object, "python"), x,
    epochs = whole_number(epochs), learning_rate = number(learning_rate),
    momentum = number(momentum),
    verbose = verbose_level(if (missing(verbose)) default_verbose() else verbose)
  ), toolkit_options(list(...)))
  until_interrupted(do.call(toolkit()$ensembles$fine_tune_svm, arguments))
}

#' @rdname fit_svm
#' @export
feature_network <- function(input_shape = c(32, 32, 3), seed = NULL) {
  as_model(toolkit()$ensembles$feature_network(shape_tuple(input_shape), seed = whole_number(seed)))
}

fit_support_vectors <- function(fitter, object, x, layer, grid, folds, seed,
                        call = rlang::caller_env()) {
  check_model(object, call = call)
  check_flow(x, call = call)
  as_hybrid(fitter(
    object, x,
    layer = layer_index(layer, "layer", call),
    grid = if (is.null(grid)) NULL else lapply(grid, as.list),
    folds = whole_number(folds, call = call), seed = whole_number(seed, call = call)
  ))
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
  cat("<network with a support vector machine; cross-validation results:>\n")
  print(as.data.frame(x$search), digits = 3, row.names = FALSE)
  invisible(x)
}
