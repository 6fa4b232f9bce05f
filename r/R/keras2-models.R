#' Predict classes, and train on single batches
#'
#' Functions of keras 2 that Keras 3 has no methods for. `predict_classes()` gives class numbers
#' from 0: the class with the highest probability, or whether it is above 0.5 where there is one
#' output. `predict_proba()` is [predict()].
#'
#' @param object A model.
#' @param x,y,batch_size,verbose,steps,class_weight,sample_weight As for [fit()] and
#'   [predict()].
#' @returns Class numbers, an array of predictions, or a named vector of the loss and the metrics.
#' @name predict_classes
#' @examplesIf is_keras_available()
#' model <- keras_model_sequential() %>%
#'   layer_dense(3, activation = "softmax", input_shape = 4)
#' x <- matrix(rnorm(8), 2)
#' predict_classes(model, x)
#' compile(model, "sgd", "sparse_categorical_crossentropy", metrics = "accuracy")
#' train_on_batch(model, x, c(0, 2))
NULL

#' @rdname predict_classes
#' @export
predict_classes <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL) {
  old_name("predict_classes", "predict()", "The name of Keras 2 keeps working. Today:
    `max.col(predict(model, x)) - 1`, or `predict(model, x) > 0.5` for one output.")
  probabilities <- predict(object, x, batch_size = batch_size, verbose = verbose, steps = steps)
  if (ncol(probabilities) > 1) {
    as.array(max.col(probabilities, ties.method = "first") - 1L)
  } else {
    array(as.integer(probabilities > 0.5), dim(probabilities))
  }
}

#' @rdname predict_classes
#' @export
predict_proba <- function(object, x, batch_size = NULL, verbose = 0, steps = NULL) {
  old_name("predict_proba", "predict()")
  predict(object, x, batch_size = batch_size, verbose = verbose, steps = steps)
}

#' @rdname predict_classes
#' @export
predict_on_batch <- function(object, x) {
  check_model(object)
  object$predict_on_batch(as_array(x))
}

#' @rdname predict_classes
#' @export
train_on_batch <- function(object, x, y, class_weight = NULL, sample_weight = NULL) {
  check_model(object)
  scores(object$train_on_batch(
    as_array(x), as_array(y), sample_weight = as_array(sample_weight),
    class_weight = weight_dict(class_weight), return_dict = TRUE
  ))
}

#' @rdname predict_classes
#' @export
test_on_batch <- function(object, x, y, sample_weight = NULL) {
  check_model(object)
  scores(object$test_on_batch(
    as_array(x), as_array(y), sample_weight = as_array(sample_weight), return_dict = TRUE
  ))
}

# Keras 3 sorts the names; scripts expect the loss first.
scores <- function(results) {
  values <- vapply(results, as.numeric, 0)
  values[order(names(values) != "loss")]
}

#' Configurations, copies and parts of models
#'
#' `get_config()` and `from_config()` take a layer or model apart and make it anew, without its
#' weights; so do `model_to_json()` and `model_from_json()`, and `clone_model()` in one step.
#' `pop_layer()` removes the last layer of a sequential model, `reset_states()` the memory of
#' stateful layers. `adapt()` lets a preprocessing layer learn from data.
#'
#' @param object,model A model or layer.
#' @param config What `get_config()` returned.
#' @param custom_objects A named list of Python classes that the model uses.
#' @param json,yaml Text.
#' @param input_tensors Tensors to build the copy on.
#' @param clone_function A function of a layer, which returns the layer of the copy.
#' @param node_index 1: Keras 3 knows only the first call of a layer.
#' @param data Arrays, text or a data set.
#' @param batch_size,steps Number of samples per batch, and of batches.
#' @param include_special_tokens Whether to include the tokens for unknown and masked values.
#' @param vocabulary,idf_weights The known values, and their weights.
#' @param ... Further arguments of Keras.
#' @returns A model, a layer, text, tensors or shapes, as the name says.
#' @name model_parts
#' @examplesIf is_keras_available()
#' model <- keras_model_sequential() %>%
#'   layer_dense(3, input_shape = 4) %>%
#'   layer_dense(2)
#' copy <- clone_model(model)
#' pop_layer(copy)
#' length(copy$layers)
#' model_from_json(model_to_json(model))
NULL

#' @rdname model_parts
#' @export
get_config <- function(object) {
  check_model_or_layer(object)
  # Stays in Python, where tuples and whole numbers differ from lists and doubles.
  config <- reticulate::import_builtins(convert = FALSE)$getattr(object, "get_config")()
  attr(config, "config_class") <- reticulate::py_get_attr(object, "__class__")
  tag(config, "kerastl_config")
}

#' @rdname model_parts
#' @export
from_config <- function(config, custom_objects = NULL) {
  class <- attr(config, "config_class")
  if (is.null(class)) {
    cli::cli_abort("{.arg config} must come from {.fn get_config}.")
  }
  make <- function() as_layer_or_object(class$from_config(config))
  if (is.null(custom_objects)) make() else with_custom_object_scope(custom_objects, make())
}

as_layer_or_object <- function(x) {
  if (is_instance(x, keras()$Layer)) as_layer_or_model(x) else x
}

#' @rdname model_parts
#' @export
clone_model <- function(model, input_tensors = NULL, clone_function = NULL) {
  check_model(model, "model")
  as_model(keras()$models$clone_model(
    model, input_tensors = input_tensors, clone_function = clone_function
  ))
}

#' @rdname model_parts
#' @export
model_to_json <- function(object) {
  check_model(object)
  object$to_json()
}

#' @rdname model_parts
#' @export
model_from_json <- function(json, custom_objects = NULL) {
  as_model(keras()$models$model_from_json(json, custom_objects = custom_objects))
}

#' @rdname model_parts
#' @export
model_to_yaml <- function(object) gone("model_to_yaml", "Use {.fn model_to_json}.")

#' @rdname model_parts
#' @export
model_from_yaml <- function(yaml, custom_objects = NULL) {
  gone("model_from_yaml", "Use {.fn model_from_json}.")
}

#' @rdname model_parts
#' @export
pop_layer <- function(object) {
  check_model(object)
  if (!is_sequential(object)) {
    cli::cli_abort(c(
      "{.arg object} must be a sequential model.",
      i = "For another model:
           {.code keras_model(model$input, get_layer(model, index = -2)$output)}."
    ))
  }
  reticulate::py_get_attr(object, "pop")()
  invisible(object)
}

#' @rdname model_parts
#' @export
reset_states <- function(object) {
  check_model_or_layer(object)
  layers <- if (is_model(object)) object$layers else list(object)
  for (layer in layers) {
    if (is_model(layer)) {
      reset_states(layer)
    } else if (reticulate::py_has_attr(layer, "reset_state") && isTRUE(layer$stateful)) {
      layer$reset_state()
    }
  }
  invisible(object)
}

#' @rdname model_parts
#' @export
get_input_at <- function(object, node_index) first_call(object, node_index)$input

#' @rdname model_parts
#' @export
get_output_at <- function(object, node_index) first_call(object, node_index)$output

#' @rdname model_parts
#' @export
get_input_shape_at <- function(object, node_index) {
  k_int_shape(get_input_at(object, node_index))
}

#' @rdname model_parts
#' @export
get_output_shape_at <- function(object, node_index) {
  k_int_shape(get_output_at(object, node_index))
}

#' @rdname model_parts
#' @export
get_input_mask_at <- function(object, node_index) {
  gone("get_input_mask_at", "Compute the mask: {.code layer$compute_mask(layer$input)}.")
}

#' @rdname model_parts
#' @export
get_output_mask_at <- function(object, node_index) {
  gone("get_output_mask_at", "Compute the mask: {.code layer$compute_mask(layer$input)}.")
}

first_call <- function(object, node_index, call = rlang::caller_env()) {
  check_model_or_layer(object, call)
  if (whole_number(node_index, "node_index", call) != 1L) {
    cli::cli_abort(c(
      "{.arg node_index} must be 1, not {node_index}.",
      i = "Keras 3 does not keep the further calls of a layer: keep the tensors that they return."
    ), call = call)
  }
  object
}

#' @rdname model_parts
#' @export
adapt <- function(object, data, ..., batch_size = NULL, steps = NULL) {
  check_model_or_layer(object)
  do.call(reticulate::py_get_attr(object, "adapt"), c(list(as_array(data)), drop_null(list(
    batch_size = whole_number(batch_size), steps = whole_number(steps), ...
  ))))
  invisible(object)
}

#' @rdname model_parts
#' @export
get_vocabulary <- function(object, include_special_tokens = TRUE) {
  object$get_vocabulary(include_special_tokens = include_special_tokens)
}

#' @rdname model_parts
#' @export
set_vocabulary <- function(object, vocabulary, idf_weights = NULL, ...) {
  object$set_vocabulary(vocabulary_list(vocabulary), idf_weights = as_array(idf_weights), ...)
  invisible(object)
}

#' Normalize an array
#'
#' @param x An array.
#' @param axis Axis as in Python; -1 is the last one.
#' @param order Order of the norm; 2 is the Euclidean one.
#' @returns An array whose vectors along `axis` have norm 1.
#' @export
#' @examplesIf is_keras_available()
#' normalize(matrix(c(3, 4), 1))
normalize <- function(x, axis = -1, order = 2) {
  keras()$utils$normalize(as_array(x), axis = whole_number(axis), order = whole_number(order))
}
