#' Several classifiers that decide together
#'
#' `average_predictions()` averages the probabilities of classifiers that are there already,
#' `fit_weights()` finds on validation data how much each should count, and `fit_stack()` learns
#' it by a logistic regression. `bag()` and `boost()` train the members themselves, with a
#' `network_trainer()`; so does `cross_fit()`, whose members each leave a fold out, for a stack:
#' its `$out_of_fold` to fit it, its `predict()` to use it. `error_by_members()` shows how the error
#' falls as members are added.
#'
#' @param members A list with the predictions of each member for the same pictures: what
#'   [evaluate_classifier()] gave, or tables like its own.
#' @param weights A weight for each member; all the same when `NULL`.
#' @param build A function of a seed that gives a compiled model.
#' @param class_names The classes, in the order of the model's outputs.
#' @param target_size Height and width of the pictures.
#' @param epochs How long each member is trained.
#' @param batch_size Pictures in a batch.
#' @param generator Settings from [image_data_generator()]; scaled by 1/255 when `NULL`.
#' @param trainer A `network_trainer()`.
#' @param table A table of pictures such as [list_images()] gives.
#' @param count How many members, for `boost()` at most.
#' @param seed The seed: member k is drawn and trained with `seed + k - 1`; for `cross_fit()` the
#'   folds are drawn with `seed`, and member k is trained with `seed + k`.
#' @param learning_rate How much a mistake weighs: above 0, and 1 for SAMME as published. Networks,
#'   which know far more than the weak members that it was made for, do better with less, such as
#'   0.1.
#' @param folds Into how many parts the pictures are cut.
#' @param groups A column whose equal values stay in one fold.
#' @param strength How strongly large coefficients are held back.
#' @param orders In how many random orders members are added; 1 keeps the given one, as boosting
#'   needs.
#' @param curves What `error_by_members()` gave, or a named list of it.
#' @param object,path An ensemble or a stack, and the `.npz` file to keep a stack in.
#' @param each Whether the predictions of each member are wanted, as a list.
#' @param ... Not used.
#' @returns `average_predictions()` and `predict()` tables of predictions, which
#'   [evaluate_predictions()] measures; `fit_weights()` numbers that sum to 1; `bag()`, `boost()`
#'   and `cross_fit()` ensembles, `fit_stack()` and `load_stack()` stacks, both with a `predict()`;
#'   `error_by_members()` a table of `members`, `error`, `low` and `high`.
#' @export
#' @examples
#' \dontrun{
#' trainer <- network_trainer(
#'   build = function(seed) {
#'     set_random_seed(seed)
#'     keras_model_sequential(input_shape = c(32, 32, 3)) %>%
#'       layer_conv_2d(8, 3, activation = "relu") %>%
#'       layer_flatten() %>%
#'       layer_dense(4, activation = "softmax") %>%
#'       compile("adam", "categorical_crossentropy", "accuracy")
#'   },
#'   class_names = levels(train$class), epochs = 5
#' )
#' forest <- bag(trainer, train, count = 5)
#' evaluate_predictions(predict(forest, test))
#' plot_error_by_members(error_by_members(predict(forest, test, each = TRUE)))
#' }
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
    class_names = text_list(class_names), target_size = shape(target_size),
    epochs = whole_number(epochs), batch_size = whole_number(batch_size), generator = generator
  )
}

#' @rdname average_predictions
#' @export
bag <- function(trainer, table, count, seed = 0) {
  members <- toolkit()$ensembles$bag(
    trainer, as_frame(table), whole_number(count), seed = whole_number(seed)
  )
  as_ensemble(members)
}

#' @rdname average_predictions
#' @export
boost <- function(trainer, table, count, seed = 0, learning_rate = 1) {
  boosted <- toolkit()$ensembles$boost(
    trainer, as_frame(table), whole_number(count),
    seed = whole_number(seed), learning_rate = learning_rate
  )
  as_ensemble(boosted$members, as.numeric(unlist(boosted$weights)))
}

#' @rdname average_predictions
#' @export
predict.kerastl_ensemble <- function(object, table, each = FALSE, ...) {
  rows <- as_frame(table)
  members <- lapply(object$members, function(member) as_predictions(member(rows)))
  if (each) {
    return(members)
  }
  if (is.null(object$weights)) {
    return(average_predictions(members))
  }
  as_predictions(toolkit()$ensembles$vote(member_frames(members), as.list(object$weights)))
}

as_ensemble <- function(members, weights = NULL, ...) {
  structure(list(members = members, weights = weights, ...), class = "kerastl_ensemble")
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
  fitted <- toolkit()$ensembles$cross_fit(
    trainer, as_frame(table),
    folds = whole_number(folds), seed = whole_number(seed), groups = groups
  )
  as_ensemble(fitted$members, out_of_fold = as_predictions(fitted$out_of_fold))
}

#' @rdname average_predictions
#' @export
fit_stack <- function(members, strength = 1) {
  as_stack(toolkit()$ensembles$fit_stack(member_frames(members), strength = strength))
}

#' @rdname average_predictions
#' @export
predict.kerastl_stack <- function(object, members, ...) {
  as_predictions(object$predict(member_frames(members)))
}

#' @rdname average_predictions
#' @export
save_stack <- function(object, path) {
  object$save(file_path(path))
  invisible(object)
}

#' @rdname average_predictions
#' @export
load_stack <- function(path) as_stack(toolkit()$ensembles$Stack$load(file_path(path)))

as_stack <- function(x) tag(x, "kerastl_stack")

#' @export
print.kerastl_stack <- function(x, ...) {
  cat(sprintf("<stack of %d members for the classes %s>\n", x$members,
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
  frames <- if (is.data.frame(curves)) as_frame(curves) else lapply(curves, as_frame)
  draw_figure(toolkit()$ensembles$plot_error_by_members(frames))
  invisible(curves)
}

member_frames <- function(members, call = rlang::caller_env()) {
  if (is.data.frame(members) || inherits(members, "kerastl_evaluation")) {
    members <- list(members)
  }
  lapply(unname(members), predictions_frame, name = "members", call = call)
}

number_list <- function(x) if (is.null(x)) NULL else as.list(as.numeric(x))
