callback_hooks <- c(
  "on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_batch_begin",
  "on_batch_end", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_begin",
  "on_predict_end", "on_test_batch_begin", "on_test_batch_end", "on_test_begin", "on_test_end",
  "on_train_batch_begin", "on_train_batch_end"
)

# A hook that does nothing.
empty_hook <- function(name) {
  if (grepl("epoch", name)) {
    function(epoch, logs = NULL) NULL
  } else if (grepl("batch", name)) {
    function(batch, logs = NULL) NULL
  } else {
    function(logs = NULL) NULL
  }
}

#' Base class of R6 callbacks
#'
#' Inherit from it by `R6::R6Class()` and pass an object of the class to `fit()`. Override the
#' methods that are needed: `on_epoch_begin(epoch, logs)`, `on_epoch_end(epoch, logs)`,
#' `on_train_begin(logs)`, `on_train_end(logs)`, `on_batch_begin(batch, logs)`,
#' `on_batch_end(batch, logs)`, and the same for `train_batch`, `test`, `test_batch`, `predict` and
#' `predict_batch`. `logs` is a named list of metrics. Epochs and batches are counted from 0.
#'
#' In a method, `self$model` is the model and `self$params` the settings of the training, such as
#' `self$params$epochs`.
#'
#' @returns An R6 class.
#' @format NULL
#' @usage NULL
#' @export
#' @examplesIf kerastl::is_keras_available()
#' LossHistory <- R6::R6Class("LossHistory",
#'   inherit = KerasCallback,
#'   public = list(
#'     losses = NULL,
#'     on_batch_end = function(batch, logs = list()) {
#'       self$losses <- c(self$losses, logs[["loss"]])
#'     }
#'   )
#' )
#' history <- LossHistory$new()
#' model <- keras_model_sequential() %>% layer_dense(1, input_shape = 2)
#' model %>% compile("sgd", "mse")
#' model %>% fit(matrix(1:8, 4), 1:4, epochs = 2, verbose = 0, callbacks = list(history))
#' history$losses
KerasCallback <- R6Class("KerasCallback",
  public = c(list(
    params = NULL,
    model = NULL,
    set_context = function(params = NULL, model = NULL) {
      self$params <- params
      self$model <- model
    }
  ), lapply(rlang::set_names(callback_hooks), empty_hook))
)

is_r6_callback <- function(x) {
  is.environment(x) && inherits(x, "R6") && !is_python(x) &&
    any(vapply(callback_hooks, function(name) is.function(x[[name]]), NA))
}

# A Keras callback that calls the methods of an R6 object.
python_callback <- function(callback) {
  overridden <- Filter(function(name) {
    is.function(callback[[name]]) && !is.null(body(callback[[name]]))
  }, callback_hooks)
  methods <- lapply(rlang::set_names(overridden), function(name) {
    function(...) {
      callback[[name]](...)
      NULL
    }
  })
  set <- function(name, value) {
    if (exists(name, envir = callback, inherits = FALSE)) callback[[name]] <- value
  }
  methods$set_model <- function(model) {
    super$set_model(model)
    set("model", as_model(model))
  }
  methods$set_params <- function(params) {
    super$set_params(params)
    set("params", params)
  }
  environment <- environment()
  class <- python_class(class(callback)[1], methods, keras()$callbacks$Callback)
  class()
}

#' Base classes of R6 layers, constraints and wrappers
#'
#' Inherit from `KerasLayer` by `R6::R6Class()`, and use the class with [create_layer()]. The
#' methods are `build(input_shape)`, which makes the weights by `self$add_weight()`,
#' `call(x, mask)`, which returns the outputs, and `compute_output_shape(input_shape)`. An R6 class
#' that inherits from `KerasConstraint` has a method `call(w)` that returns the constrained weights;
#' pass an object of it as `kernel_constraint` and the like. [new_layer_class()] does the same with
#' less.
#'
#' @returns An R6 class.
#' @format NULL
#' @usage NULL
#' @export
#' @examplesIf kerastl::is_keras_available()
#' Scale <- R6::R6Class("Scale",
#'   inherit = KerasLayer,
#'   public = list(
#'     factor = NULL,
#'     initialize = function(factor) self$factor <- factor,
#'     call = function(x, mask = NULL) x * self$factor,
#'     compute_output_shape = function(input_shape) input_shape
#'   )
#' )
#' layer_scale <- function(object, factor, name = NULL) {
#'   create_layer(Scale, object, list(factor = factor, name = name))
#' }
#' keras_model_sequential(input_shape = 2) %>% layer_scale(3)
KerasLayer <- R6Class("KerasLayer",
  public = list(
    build = function(input_shape) NULL,
    call = function(x, mask = NULL) {
      stop("The layer must have a method `call(x, mask)`.")
    },
    compute_output_shape = function(input_shape) input_shape,
    add_weight = function(name, shape, dtype = NULL, initializer = NULL, regularizer = NULL,
                          trainable = TRUE, constraint = NULL) {
      stop("Weights can be added in `build()`, once the layer is made by `create_layer()`.")
    }
  )
)

#' @rdname KerasLayer
#' @format NULL
#' @usage NULL
#' @export
KerasWrapper <- R6Class("KerasWrapper",
  inherit = KerasLayer,
  public = list(
    build = function(input_shape) NULL
  )
)

#' @rdname KerasLayer
#' @format NULL
#' @usage NULL
#' @export
KerasConstraint <- R6Class("KerasConstraint",
  public = list(
    call = function(w) {
      stop("The constraint must have a method `call(w)`.")
    },
    get_config = function() list()
  )
)

# An R6 constraint as Keras takes it, other values as they are.
r6_argument <- function(x) {
  if (is.environment(x) && inherits(x, "KerasConstraint") && !is_python(x)) {
    named_function(function(w) x$call(w), class(x)[1])
  } else {
    x
  }
}
