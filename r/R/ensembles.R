#' Combine several classifiers
#'
#' `average_predictions()` averages the predicted probabilities of existing classifiers.
#' `fit_weights()` finds the best weight of each classifier on validation data, and `fit_stack()`
#' combines them by logistic regression. `bag()`, `boost()` and `cross_fit()` train the members
#' of an ensemble with a `network_trainer()`. Each member of `cross_fit()` leaves one fold out,
#' which is what a stack needs: fit the stack on `$out_of_fold` and apply it to the ensemble's
#' `predict()`. `cross_validate()` evaluates a `network_trainer()` on all images, each predicted by
#' a model that was trained without it and its copies. `error_by_members()` shows how the error
#' falls as members are added.
#'
#' @param members A list with the predictions of each member for the same images: results of
#'   [evaluate_classifier()], or tables of predictions.
#' @param weights One weight per member. `NULL` weights all members equally.
#' @param build A function that takes a seed and returns a compiled model.
#' @param class_names The classes, in the order of the model's outputs.
#' @param target_size Height and width of the images.
#' @param epochs Number of epochs to train each member.
#' @param batch_size Number of images per batch.
#' @param generator Settings from [image_data_generator()]. `NULL` rescales by 1/255.
#' @param trainer A `network_trainer()`.
#' @param table A table of images, such as [list_images()] returns.
#' @param count Number of members; for `boost()` the maximum.
#' @param seed Random seed. Member k is sampled and trained with `seed + k - 1`. `cross_fit()`
#'   splits the folds with `seed` and trains member k with `seed + k`.
#' @param learning_rate How strongly misclassified images are weighted: above 0, where 1 is SAMME
#'   as published. SAMME was designed for weak learners; for networks, small values such as 0.1
#'   work better.
#' @param folds Number of folds.
#' @param groups A column of `table`. Images with equal values stay in the same fold. `"copies"`
#'   searches the images for copies of each other.
#' @param strength Strength of the L2 regularization.
#' @param orders Number of random orders in which members are added. 1 keeps the given order, as
#'   boosting requires.
#' @param curves A result of `error_by_members()`, or a named list of results.
#' @param object An ensemble or a stack.
#' @param path The `.npz` file of a stack.
#' @param each Whether to return a list with the predictions of each member.
#' @param ... Not used.
#' @returns `average_predictions()` and `predict()` return tables of predictions, for example for
#'   [evaluate_predictions()]. `fit_weights()` returns weights that sum to 1. `bag()`, `boost()`
#'   and `cross_fit()` return ensembles, `fit_stack()` and `load_stack()` stacks; both have a
#'   `predict()` method. `cross_validate()` returns an evaluation as [evaluate_classifier()] does;
#'   [by_group()] counts each photograph of it once. `error_by_members()` returns a table with the
#'   columns `members`, `error`, `low` and `high`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 8, test = 4, test_simple = 2)
#' train <- list_images(file.path(folder, "TRAIN"))
#' test <- list_images(file.path(folder, "TEST"))
#' trainer <- network_trainer(
#'   build = function(seed) {
#'     set_random_seed(seed)
#'     keras_model_sequential(input_shape = c(32, 32, 3)) %>%
#'       layer_conv_2d(8, 3, activation = "relu") %>%
#'       layer_flatten() %>%
#'       layer_dense(4, activation = "softmax") %>%
#'       compile("adam", "categorical_crossentropy", "accuracy")
#'   },
#'   class_names = levels(train$class), epochs = 1
#' )
#' ensemble <- bag(trainer, train, count = 2)
#' evaluate_predictions(predict(ensemble, test))
#' plot_error_by_members(error_by_members(predict(ensemble, test, each = TRUE)))
average_predictions <- function(members, weights = NULL) {
  as_predictions(toolkit()$ensembles$average_predictions(
    member_frames(members), weights = number_list(weights)
  ))
}

#' @rdname average_predictions
#' @export
fit_weights <- function(members) {
  as.numeric(toolkit()$ensembles$fit_weights(member_frames(members)))
}

#' @rdname average_predictions
#' @export
network_trainer <- function(build, class_names, target_size = c(32, 32), epochs = 10,
                            batch_size = 32, generator = NULL) {
  build <- rlang::as_function(build)
  toolkit()$ensembles$NetworkTrainer(
    function(seed) build(seed),
    class_names = text_list(class_names), target_size = shape_tuple(target_size),
    epochs = whole_number(epochs), batch_size = whole_number(batch_size), generator = generator
  )
}

#' @rdname average_predictions
#' @export
bag <- function(trainer, table, count, seed = 0) {
  check_trainer(trainer)
  as_ensemble(toolkit()$ensembles$bag(
    trainer, as_frame(table), whole_number(count), seed = whole_number(seed)
  ))
}

#' @rdname average_predictions
#' @export
boost <- function(trainer, table, count, seed = 0, learning_rate = 1) {
  check_trainer(trainer)
  as_ensemble(toolkit()$ensembles$boost(
    trainer, as_frame(table), whole_number(count),
    seed = whole_number(seed), learning_rate = number(learning_rate)
  ))
}

#' @rdname average_predictions
#' @export
predict.kerastl_ensemble <- function(object, table, each = FALSE, ...) {
  predictions <- attr(object, "python")$predict(as_frame(table), each = each)
  if (each) lapply(predictions, as_predictions) else as_predictions(predictions)
}

as_ensemble <- function(ensemble) {
  structure(
    list(
      members = ensemble$members,
      weights = if (!is.null(ensemble$weights)) as.numeric(unlist(ensemble$weights)),
      out_of_fold = if (!is.null(ensemble$out_of_fold)) as_predictions(ensemble$out_of_fold)
    ),
    python = ensemble,
    class = "kerastl_ensemble"
  )
}

#' @export
print.kerastl_ensemble <- function(x, ...) {
  cat(sprintf("<ensemble of %d members>\n", length(x$members)))
  if (!is.null(x$weights)) {
    cat("  weights:", format(x$weights, digits = 3), "\n")
  }
  invisible(x)
}

#' @rdname average_predictions
#' @export
cross_fit <- function(trainer, table, folds = 5, seed = 0, groups = NULL) {
  check_trainer(trainer)
  as_ensemble(toolkit()$ensembles$cross_fit(
    trainer, as_frame(table),
    folds = whole_number(folds), seed = whole_number(seed), groups = groups
  ))
}

#' @rdname average_predictions
#' @export
cross_validate <- function(trainer, table, folds = 5, seed = 0, groups = "copies") {
  check_trainer(trainer)
  as_evaluation(toolkit()$ensembles$cross_validate(
    trainer, as_frame(table),
    folds = whole_number(folds), seed = whole_number(seed), groups = groups
  ))
}

#' @rdname average_predictions
#' @export
fit_stack <- function(members, strength = 1) {
  as_stack(toolkit()$ensembles$fit_stack(member_frames(members), strength = number(strength)))
}

#' @rdname average_predictions
#' @export
predict.kerastl_stack <- function(object, members, ...) {
  as_predictions(object$predict(member_frames(members)))
}

#' @rdname average_predictions
#' @export
save_stack <- function(object, path) {
  if (!inherits(object, "kerastl_stack")) {
    cli::cli_abort("{.arg object} must be the result of {.fn fit_stack}, not
                    {describe(object)}.")
  }
  object$save(file_path(path))
  invisible(object)
}

#' @rdname average_predictions
#' @export
load_stack <- function(path) as_stack(toolkit()$ensembles$Stack$load(file_path(path)))

as_stack <- function(x) tag(x, "kerastl_stack")

#' @export
print.kerastl_stack <- function(x, ...) {
  cat(sprintf("<stack of %d members, classes: %s>\n", x$members,
    paste(unlist(x$class_names), collapse = ", ")
  ))
  invisible(x)
}

#' @rdname average_predictions
#' @export
error_by_members <- function(members, weights = NULL, orders = 50, seed = 0) {
  as_table(toolkit()$ensembles$error_by_members(
    member_frames(members),
    weights = number_list(weights), orders = whole_number(orders), seed = whole_number(seed)
  ))
}

#' @rdname average_predictions
#' @export
plot_error_by_members <- function(curves) {
  several <- is.list(curves) && !is.data.frame(curves)
  if (!all(vapply(if (several) curves else list(curves), is.data.frame, NA))) {
    cli::cli_abort("{.arg curves} must be a result of {.fn error_by_members} or a list of them,
                    not {describe(curves)}.")
  }
  frames <- if (several) lapply(curves, as_frame) else as_frame(curves)
  show_figure(toolkit()$ensembles$plot_error_by_members(frames))
  invisible(curves)
}

check_trainer <- function(x, call = rlang::caller_env()) {
  if (!is_python(x) && !is.function(x)) {
    cli::cli_abort("{.arg trainer} must be the result of {.fn network_trainer}, not
                    {describe(x)}.", call = call)
  }
}

member_frames <- function(members, call = rlang::caller_env()) {
  if (is.data.frame(members) || inherits(members, "kerastl_evaluation")) {
    members <- list(members)
  }
  lapply(unname(as.list(members)), predictions_frame, name = "members", call = call)
}
