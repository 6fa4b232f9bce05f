#' Freeze and unfreeze layers
#'
#' Frozen layers keep their weights during training. With `from`, `to` or `which`, **all other
#' layers are set to the opposite state**. Layers inside a nested backbone are found by name too.
#' Compile the model afterwards for the change to take effect.
#'
#' @param object A model, changed in place; or a single layer, such as [get_layer()] returns.
#' @param from,to First and last layer of the range, both included: a name, a stage such as
#'   `"block5"`, an index starting at 1 (-1 is the last layer), or a layer.
#' @param which Individual layers instead of a range: names, indices, layers, a logical vector
#'   with one value per layer, or a function that takes a layer and returns `TRUE` or `FALSE`.
#' @returns `object`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' conv_base <- application_mobilenet(
#'   weights = NULL, include_top = FALSE, input_shape = c(64, 64, 3), alpha = 0.25
#' )
#' freeze_weights(conv_base)
#' unfreeze_weights(conv_base, from = "conv_pw_13")
#' length(conv_base$trainable_weights)
freeze_weights <- function(object, from = NULL, to = NULL, which = NULL) {
  set_trainable(FALSE, object, from, to, which)
}

#' @rdname freeze_weights
#' @export
unfreeze_weights <- function(object, from = NULL, to = NULL, which = NULL) {
  set_trainable(TRUE, object, from, to, which)
}

#' Hold batch normalization in inference mode
#'
#' Batch normalization then keeps its moving mean and variance when the model is trained; scale
#' and offset are trained where the layer is unfrozen. [transfer_model()] does it to pretrained
#' backbones by itself.
#'
#' @param object A model, changed in place. Compile it afterwards.
#' @returns `object`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' conv_base <- application_mobilenet(
#'   weights = NULL, include_top = FALSE, input_shape = c(64, 64, 3), alpha = 0.25
#' )
#' freeze_batch_norm(conv_base)
freeze_batch_norm <- function(object) {
  check_model(object)
  toolkit()$models$freeze_batch_norm(object)
  invisible(object)
}

set_trainable <- function(trainable, object, from, to, which, call = rlang::caller_env()) {
  check_alive_model(object, call)
  if (is_instance(object, keras()$Layer) && !is_model(object) && is.null(c(from, to, which))) {
    reticulate::py_set_attr(object, "trainable", trainable)
    return(invisible(object))
  }
  check_model(object, call = call)
  # Converted first, so that errors name the function that the user called.
  from <- layer_index(from, "from", call)
  to <- layer_index(to, "to", call)
  which <- layer_indices(which, call)
  set <- if (trainable) "unfreeze_weights" else "freeze_weights"
  toolkit()$models[[set]](object, from_ = from, to = to, which = which)
  invisible(object)
}

layer_index <- function(x, name, call) if (is.numeric(x)) index(x, name, call) else x

layer_indices <- function(x, call) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  if (is.function(x) || rlang::is_formula(x)) {
    predicate <- rlang::as_function(x)
    return(function(layer) isTRUE(predicate(layer)))
  }
  lapply(as.list(x), layer_index, name = "which", call = call)
}
