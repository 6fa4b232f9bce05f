#' Layers, models, losses, metrics, callbacks and schedules of your own
#'
#' The functions make a class from R functions. In these, `self` is the object, and
#' `super$initialize(...)` or `super()$get_config()` call a method of the base class. Methods that
#' take `self` in Python do not take it here.
#'
#' `new_layer_class()` returns a function like `layer_dense()`, whose first argument is the model or
#' tensor. The others return a function that makes an object: `new_metric_class()` a metric for
#' `compile()`, `new_callback_class()` a callback for `fit()`, and so on.
#'
#' @param classname Name of the class.
#' @param ... Further methods and fields.
#' @param initialize Function that is called when an object is made. It should call
#'   `super$initialize(...)`.
#' @param build,call,get_config For layers: a function of the input's shape that makes the weights
#'   by `self$add_weight()`; a function of the inputs that returns the outputs; a function without
#'   arguments that returns a named list of the arguments of `initialize`. For losses, `call` is a
#'   function of `y_true` and `y_pred`, for schedules of the number of batches trained.
#' @param update_state,result For metrics: a function of `y_true`, `y_pred` and `sample_weight` that
#'   counts a batch, and a function without arguments that returns the value.
#' @param on_epoch_begin,on_epoch_end,on_train_begin,on_train_end,on_batch_begin,on_batch_end
#'   Functions of the number of the epoch or batch, which starts at 0, and of `logs`, a named list
#'   of metrics; those of the whole training take `logs` only.
#' @param on_predict_batch_begin,on_predict_batch_end,on_predict_begin,on_predict_end The same for
#'   `predict()`.
#' @param on_test_batch_begin,on_test_batch_end,on_test_begin,on_test_end The same for `evaluate()`
#'   and validation.
#' @param on_train_batch_begin,on_train_batch_end The same as `on_batch_begin` and `on_batch_end`.
#' @param train_step,predict_step,test_step,compute_loss,compute_metrics For models: methods that
#'   replace those of Keras.
#' @returns A function that makes objects of the class.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' layer_scale <- new_layer_class(
#'   "Scale",
#'   initialize = function(factor, ...) {
#'     super$initialize(...)
#'     self$factor <- factor
#'   },
#'   call = function(inputs) inputs * self$factor
#' )
#' model <- keras_model_sequential(input_shape = 2) %>% layer_scale(3)
#' predict(model, matrix(1:2, 1))
new_layer_class <- function(classname, ..., initialize = NULL, build = NULL, call = NULL,
                            get_config = NULL) {
  class <- class_of_functions(classname, keras()$Layer, list(
    initialize = initialize, build = build, call = call, get_config = get_config, ...
  ))
  create_layer_wrapper(class)
}

#' @rdname new_layer_class
#' @export
new_model_class <- function(classname, ..., initialize = NULL, call = NULL, train_step = NULL,
                            predict_step = NULL, test_step = NULL, compute_loss = NULL,
                            compute_metrics = NULL) {
  class <- class_of_functions(classname, keras()$Model, list(
    initialize = initialize, call = call, train_step = train_step, predict_step = predict_step,
    test_step = test_step, compute_loss = compute_loss, compute_metrics = compute_metrics, ...
  ))
  constructor(class, as_model)
}

#' @rdname new_layer_class
#' @export
new_loss_class <- function(classname, ..., call = NULL) {
  constructor(class_of_functions(classname, keras()$losses$Loss, list(call = call, ...)))
}

#' @rdname new_layer_class
#' @export
new_metric_class <- function(classname, ..., initialize = NULL, update_state = NULL,
                             result = NULL) {
  constructor(class_of_functions(classname, keras()$metrics$Metric, list(
    initialize = initialize, update_state = update_state, result = result, ...
  )))
}

#' @rdname new_layer_class
#' @export
new_callback_class <- function(classname, ..., on_epoch_begin = NULL, on_epoch_end = NULL,
                               on_train_begin = NULL, on_train_end = NULL,
                               on_batch_begin = NULL, on_batch_end = NULL,
                               on_predict_batch_begin = NULL, on_predict_batch_end = NULL,
                               on_predict_begin = NULL, on_predict_end = NULL,
                               on_test_batch_begin = NULL, on_test_batch_end = NULL,
                               on_test_begin = NULL, on_test_end = NULL,
                               on_train_batch_begin = NULL, on_train_batch_end = NULL) {
  methods <- c(mget(callback_hooks), list(...))
  constructor(class_of_functions(classname, keras()$callbacks$Callback, methods))
}

#' @rdname new_layer_class
#' @export
new_learning_rate_schedule_class <- function(classname, ..., initialize = NULL, call = NULL,
                                             get_config = NULL) {
  methods <- list(
    initialize = initialize, "__call__" = call,
    get_config = get_config %||% function() list(), ...
  )
  base <- keras()$optimizers$schedules$LearningRateSchedule
  constructor(class_of_functions(classname, base, methods))
}

class_of_functions <- function(name, base, members) {
  check_string(name)
  members <- drop_null(members)
  active <- vapply(members, inherits, NA, "kerastl_active")
  methods <- vapply(members, is_plain_function, NA) & !active
  python_class(name, members[methods], base,
    fields = members[!methods & !active], active = members[active]
  )
}

constructor <- function(class, wrap = identity) {
  make <- function(...) wrap(reticulate::py_call(class, ...))
  structure(make, class = "kerastl_constructor", python_class = class)
}

#' Use a layer class in R
#'
#' `create_layer()` makes a layer and adds it to a model or applies it to a tensor, as the
#' `layer_*` functions do. `create_layer_wrapper()` returns such a function.
#'
#' @param layer_class,wrapper_class,LayerClass A Python class such as `keras$layers$Dense`, or the
#'   R6 class of a layer, see [KerasLayer].
#' @param object A model or a tensor. Without it, the layer is returned.
#' @param args A list of the layer's arguments.
#' @param modifiers A named list of functions that convert arguments.
#' @param convert Not used: what comes back is always converted to R.
#' @returns `create_layer()` and `create_wrapper()` return what `layer_*` functions return,
#'   `create_layer_wrapper()` a function.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' layer_units <- create_layer_wrapper(keras$layers$Dense)
#' keras_model_sequential(input_shape = 4) %>% layer_units(units = 2)
create_layer <- function(layer_class, object, args = list()) {
  layer_of_class(layer_constructor(layer_class), maybe(object), args)
}

#' @rdname create_layer
#' @export
create_wrapper <- function(wrapper_class, object, args = list()) {
  layer_of_class(layer_constructor(wrapper_class), maybe(object), args)
}

#' @rdname create_layer
#' @export
create_layer_wrapper <- function(LayerClass, modifiers = NULL, convert = TRUE) {
  class <- layer_constructor(LayerClass)
  layer <- function(object, ...) {
    arguments <- list(...)
    named <- setdiff(names(attr(class, "kerastl_arguments")), "...")
    if (length(named) > 0) {
      arguments <- match_names(arguments, named)
    }
    for (name in intersect(names(modifiers), names(arguments))) {
      arguments[[name]] <- modifiers[[name]](arguments[[name]])
    }
    layer_of_class(class, maybe(object), arguments)
  }
  structure(layer, class = "kerastl_layer_function", python_class = class)
}

# Positional arguments, by the names of the class's own.
match_names <- function(arguments, named) {
  names <- names(arguments) %||% rep("", length(arguments))
  unnamed <- which(!nzchar(names))
  free <- setdiff(named, names)
  names[unnamed] <- c(free, rep("", length(unnamed)))[seq_along(unnamed)]
  rlang::set_names(arguments, names)
}

#' @export
print.kerastl_layer_function <- function(x, ...) {
  class <- attr(x, "python_class")
  arguments <- setdiff(names(attr(class, "kerastl_arguments")), "...")
  cat(sprintf(
    "<layer function of the class %s: (%s)>\n", class$`__name__`,
    paste(c("object", arguments, "..."), collapse = ", ")
  ))
  invisible(x)
}

# The class that an R function for layers was made from, or a Python class itself.
layer_constructor <- function(x) {
  if (is_r6_generator(x)) {
    r6_class(x, list(
      KerasLayer = keras()$Layer, KerasWrapper = keras()$layers$Wrapper, object = keras()$Layer
    ))
  } else if (inherits(x, "kerastl_layer_function")) {
    attr(x, "python_class")
  } else if (is.function(x)) {
    x
  } else {
    cli::cli_abort("{.arg layer_class} must be a Python class or an R6 class, not {describe(x)}.",
      call = NULL
    )
  }
}

#' @rdname new_layer_class
#' @param compute_output_shape A function of the input's shape that returns the output's.
#' @param inherit The Python class to inherit from.
#' @export
Layer <- function(classname, initialize, build = NULL, call = NULL, compute_output_shape = NULL,
                  ..., inherit = NULL) {
  class <- class_of_functions(classname, inherit %||% keras()$Layer, list(
    initialize = maybe(initialize), build = build, call = call,
    compute_output_shape = compute_output_shape, ...
  ))
  create_layer_wrapper(class)
}

#' Create a model from a function
#'
#' @param model_fn A function of `self`, which may store layers in it, that returns a function of
#'   the inputs: the model's `call`.
#' @param name Name of the model.
#' @returns A model.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_custom(name = "small", function(self) {
#'   self$hidden <- layer_dense(units = 4, activation = "relu")
#'   self$out <- layer_dense(units = 2)
#'   function(inputs, mask = NULL, training = FALSE) inputs %>% self$hidden() %>% self$out()
#' })
#' dim(predict(model, matrix(1, 3, 5)))
keras_model_custom <- function(model_fn, name = NULL) {
  compute <- NULL
  class <- python_class(name %||% "CustomModel", list(
    call = function(inputs, mask = NULL, training = NULL) {
      further <- list(mask = mask, training = training)
      known <- if ("..." %in% names(formals(compute))) names(further) else names(formals(compute))
      do.call(compute, c(list(inputs), further[intersect(names(further), known)]))
    }
  ), keras()$Model)
  model <- if (is.null(name)) class() else class(name = name)
  compute <- model_fn(model)
  as_model(model)
}

#' Define a Python class in R
#'
#' @param spec The name of the class, or a call of the name with the classes that it inherits from:
#'   `Name(keras$layers$Layer)`.
#' @param body Code in braces that assigns the methods and fields. Methods do not take `self`;
#'   `initialize` becomes `__init__`.
#' @param sym,value Name and function of an active binding, in the body.
#' @param x A function.
#' @returns The class, invisibly; it is assigned to its name.
#' @export
#' @name py_class
#' @examplesIf kerastl::is_keras_available()
#' Twice(keras$layers$Layer) %py_class% {
#'   call <- function(inputs) inputs * 2
#' }
#' Twice()(keras_array(3))
`%py_class%` <- function(spec, body) {
  spec <- substitute(spec)
  caller <- parent.frame()
  environment <- new.env(parent = caller)
  expression <- substitute(body)
  docstring <- NULL
  if (length(expression) > 1 && is.character(expression[[2]])) {
    docstring <- expression[[2]]
  }
  eval(expression, environment)
  members <- as.list(environment, all.names = TRUE)
  bases <- if (is.call(spec)) lapply(as.list(spec)[-1], eval, envir = caller) else list()
  name <- as.character(if (is.call(spec)) spec[[1]] else spec)
  bases <- lapply(unname(bases), function(base) {
    if (is_r6_generator(base) || inherits(base, "kerastl_layer_function")) {
      layer_constructor(base)
    } else {
      base
    }
  })
  active <- vapply(members, inherits, NA, "kerastl_active")
  methods <- vapply(members, is_plain_function, NA) & !active
  class <- python_class(name, members[methods], bases,
    fields = members[!methods & !active], active = members[active], docstring = docstring
  )
  assign(name, class, envir = caller)
  invisible(class)
}

#' @rdname py_class
#' @export
`%<-active%` <- function(sym, value) {
  assign(as.character(substitute(sym)), mark_active(value), envir = parent.frame())
}

#' @rdname py_class
#' @export
mark_active <- function(x) {
  class(x) <- c("kerastl_active", class(x))
  x
}
