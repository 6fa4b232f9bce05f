#' Compile a model
#'
#' Sets the optimizer, the loss and the metrics for training. Changes the model in place.
#'
#' @param object A model.
#' @param optimizer An optimizer such as [optimizer_rmsprop()], or its name.
#' @param loss Name of a loss, a Keras loss, or an R function of `y_true` and `y_pred`. For several
#'   outputs a list of them.
#' @param metrics Names of metrics, such as `"accuracy"`, Keras metrics, or R functions of `y_true`
#'   and `y_pred`; a list named by output for several outputs. An R function keeps its name, and
#'   [custom_metric()] gives it another.
#' @param loss_weights Weights of the losses of several outputs.
#' @param weighted_metrics Metrics that count class weights and sample weights.
#' @param sample_weight_mode,target_tensors Ignored: Keras 3 does not have them.
#' @param ... Further arguments of the Keras method.
#' @returns `object`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 4) %>%
#'   layer_dense(3, activation = "relu") %>%
#'   layer_dense(2, activation = "softmax")
#' model %>% compile(optimizer_adam(lr = 1e-4), "categorical_crossentropy", "accuracy")
compile.kerastl_model <- function(object, optimizer = "rmsprop", loss = NULL, metrics = NULL,
                                  loss_weights = NULL, weighted_metrics = NULL,
                                  sample_weight_mode = NULL, target_tensors = NULL, ...) {
  check_alive_model(object)
  losses <- python_functions(loss, substitute(loss))
  one_loss <- is_python(losses) || (is.character(losses) && length(losses) == 1)
  if (one_loss && !is.null(loss_weights)) {
    # Keras 3 takes weights only with one loss for each output.
    losses <- rep(list(losses), length(object$outputs))
    names(losses) <- if (!is.null(names(loss_weights))) object$output_names
  }
  # `object$compile` would find our S3 method.
  arguments <- list(
    reticulate::py_get_attr(object, "compile"),
    optimizer = optimizer, loss = losses,
    metrics = metric_list(metrics, substitute(metrics), object),
    loss_weights = if (is.null(loss_weights)) NULL else as.list(loss_weights),
    weighted_metrics = metric_list(weighted_metrics, substitute(weighted_metrics), object), ...
  )
  with_python_warnings(do.call(reticulate::py_call, arguments))
  toolkit()$models$use_compiled_loss(object)
  if (is_plain_function(loss) && uses_model_tensors(loss)) {
    toolkit()$models$use_symbolic_loss(object, losses)
  }
  invisible(object)
}

# The loss of keras 2's variational autoencoders uses tensors of the model from its environment.
uses_model_tensors <- function(loss) {
  any(vapply(all.vars(body(loss)), function(name) {
    value <- get0(name, environment(loss))
    is_tensor(value) && is_symbolic(value)
  }, NA))
}

# R functions as losses and metrics keep the names that they have where they are passed.
python_functions <- function(x, expression) {
  if (is_plain_function(x)) {
    name <- if (is.symbol(expression)) as.character(expression) else "custom_function"
    return(named_function(x, name))
  }
  if (!is.list(x) || is_python(x)) {
    return(x)
  }
  passed <- is_listing(expression, length(x))
  for (i in seq_along(x)) {
    part <- if (passed) expression[[i + 1]] else as.name(paste0("custom_function_", i))
    x[[i]] <- if (is.null(x[[i]])) x[i] else python_functions(x[[i]], part)
  }
  x
}

is_listing <- function(expression, size) {
  is.call(expression) && length(expression) == size + 1 &&
    as.character(expression[[1]])[1] %in% c("c", "list")
}

# Functions of this package that stand for what Keras has are converted to that.
is_plain_function <- function(x) {
  is.function(x) && !is_python(x) && !inherits(x, "kerastl_function")
}

# `attr(f, "py_function_name")` is what R's keras names metrics by.
named_function <- function(f, name) {
  python <- reticulate::r_to_py(f, convert = TRUE)
  reticulate::py_set_attr(python, "__name__", attr(f, "py_function_name") %||% name)
  python
}

metric_list <- function(metrics, expression, model) {
  if (is.null(metrics)) {
    return(NULL)
  }
  metrics <- if (is_python(metrics) || is.function(metrics)) list(metrics) else as.list(metrics)
  if (is.symbol(expression)) {
    expression <- call("list", expression)
  }
  outputs <- if (!is.null(names(metrics))) model$output_names
  by_output <- length(outputs) > 0 && all(names(metrics) %in% outputs)
  if (!by_output && !is.null(names(metrics))) {
    for (i in which(nzchar(names(metrics)) & vapply(metrics, is_plain_function, NA))) {
      metrics[[i]] <- named_function(metrics[[i]], names(metrics)[i])
    }
    metrics <- unname(metrics)
  }
  python_functions(metrics, expression)
}

#' Give a metric or loss a name
#'
#' @param name Name under which the metric is printed and stored in the history.
#' @param metric_fn An R function of `y_true` and `y_pred` that returns a tensor.
#' @returns `metric_fn`, with its name.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' spread <- custom_metric("spread", function(y_true, y_pred) max(y_pred) - min(y_pred))
#' model <- keras_model_sequential() %>% layer_dense(2, input_shape = 3)
#' model %>% compile("sgd", "mse", metrics = list("mae", spread))
custom_metric <- function(name, metric_fn) {
  check_string(name)
  if (!is.function(metric_fn)) {
    cli::cli_abort("{.arg metric_fn} must be a function of y_true and y_pred, not
                    {describe(metric_fn)}.")
  }
  structure(metric_fn, py_function_name = name)
}
