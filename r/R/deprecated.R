#' Training, measuring and predicting with the names of keras 2
#'
#' The same as `fit()`, `evaluate()` and `predict()`, which take flows since keras 2.3. Each
#' says once in a session what the modern name is.
#'
#' @param object A model.
#' @param generator A flow such as [flow_images_from_directory()] makes.
#' @param steps_per_epoch,steps,validation_steps How many batches are taken; all when left
#'   out. A fraction rounds up.
#' @param epochs Passes over the data.
#' @param verbose 0 silent, 1 a progress bar, 2 one line an epoch.
#' @param callbacks A callback or a list of them.
#' @param view_metrics Whether RStudio's Viewer shows the metrics while training.
#' @param validation_data A flow, or a list of arrays.
#' @param class_weight A list of weights by class name or number (from 0).
#' @param max_queue_size Kept for old scripts; the queue of batches ahead is bounded by itself.
#' @param workers Threads that read pictures; 1, keras's default, stands for as many as cores.
#' @param initial_epoch How many epochs count as done already.
#' @param ... Further arguments of `fit()`.
#' @returns What `fit()`, `evaluate()` and `predict()` return.
#' @export
#' @examples
#' \dontrun{
#' history <- model %>% fit_generator(
#'   train_flow, steps_per_epoch = train_flow$n / train_flow$batch_size, epochs = 30,
#'   validation_data = validation_flow, validation_steps = 10
#' )
#' }
fit_generator <- function(object, generator, steps_per_epoch, epochs = 1,
                          verbose = getOption("keras.fit_verbose", default = 1),
                          callbacks = NULL,
                          view_metrics = getOption("keras.view_metrics", default = "auto"),
                          validation_data = NULL, validation_steps = NULL,
                          class_weight = NULL, max_queue_size = 10, workers = 1,
                          initial_epoch = 0, ...) {
  deprecated("fit_generator", "fit()")
  check_flow(generator)
  refuse_generator(validation_data, "validation_data")
  check_model(object)
  given <- names(match.call(expand.dots = FALSE))
  by_name <- "steps_per_epoch" %in% names(sys.call())
  if ("steps_per_epoch" %in% given && !by_name && !"epochs" %in% given) {
    cli::cli_inform(c(
      "!" = "{steps_per_epoch} is taken as {.arg steps_per_epoch}, batches in an epoch, and one
             epoch is trained.",
      i = "For {steps_per_epoch} epochs write {.code epochs = {steps_per_epoch}}."
    ))
  }
  train(
    object, x = generator, y = NULL, epochs = epochs,
    verbose = if (missing(verbose)) default_verbose() else verbose, callbacks = callbacks,
    view_metrics = view_metrics, validation_data = validation_data,
    class_weight = class_weight, initial_epoch = initial_epoch,
    steps_per_epoch = if (missing(steps_per_epoch)) NULL else steps_per_epoch,
    validation_steps = validation_steps,
    further = c(drop_null(list(workers = threads(workers))), list(...))
  )
}

threads <- function(workers) if (is.null(workers) || workers == 1) NULL else whole_number(workers)

#' @rdname fit_generator
#' @export
evaluate_generator <- function(object, generator, steps, max_queue_size = 10, workers = 1,
                               callbacks = NULL) {
  deprecated("evaluate_generator", "evaluate()")
  check_flow(generator)
  check_model(object)
  evaluate.kerastl_model(object, generator,
    steps = if (missing(steps)) NULL else steps, callbacks = callbacks
  )
}

#' @rdname fit_generator
#' @export
predict_generator <- function(object, generator, steps, max_queue_size = 10, workers = 1,
                              verbose = 0, callbacks = NULL) {
  deprecated("predict_generator", "predict()")
  check_flow(generator)
  check_model(object)
  predict.kerastl_model(object, generator,
    steps = if (missing(steps)) NULL else steps, verbose = verbose, callbacks = callbacks
  )
}

#' @rdname set_random_seed
#' @param disable_gpu,disable_parallel_cpu,quiet Kept for old scripts: runs are reproduced with
#'   all cores, and nothing is printed.
#' @export
use_session_with_seed <- function(seed, disable_gpu = TRUE, disable_parallel_cpu = TRUE,
                                  quiet = FALSE) {
  deprecated("use_session_with_seed", "set_random_seed()")
  set_random_seed(seed)
}
