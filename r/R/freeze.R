#' Freeze and unfreeze layers
#'
#' Frozen layers keep their weights in training. With `from`, `to` or `which`, **every other
#' layer gets the opposite state**. Layers inside a nested backbone are found by name too.
#' Compile the model again afterwards.
#'
#' @param object A model, changed in place.
#' @param from,to The first and the last layer, included: a name, a stage such as `"block5"`,
#'   a place from 1 (-1 is the last), or a layer.
#' @param which Single layers instead: names, places, layers, a logical vector with one value
#'   a layer, or a function of a layer.
#' @returns `object`, invisibly.
#' @export
#' @examples
#' \dontrun{
#' conv_base <- application_vgg16(weights = NULL, include_top = FALSE)
#' freeze_weights(conv_base)
#' unfreeze_weights(conv_base, from = "block5_conv1")
#' }
freeze_weights <- function(object, from = NULL, to = NULL, which = NULL) {
  set_trainable(toolkit()$models$freeze_weights, object, from, to, which)
}

#' @rdname freeze_weights
#' @export
unfreeze_weights <- function(object, from = NULL, to = NULL, which = NULL) {
  set_trainable(toolkit()$models$unfreeze_weights, object, from, to, which)
}

set_trainable <- function(change, object, from, to, which, call = rlang::caller_env()) {
  check_model(object, call = call)
  # Before the call into Python, so that an error names the user's own.
  from <- layer_place(from, "from", call)
  to <- layer_place(to, "to", call)
  which <- layer_places(which, call)
  change(object, from_ = from, to = to, which = which)
  invisible(object)
}

layer_place <- function(x, name, call) if (is.numeric(x)) index(x, name, call) else x

layer_places <- function(x, call) {
  if (is.null(x) || is_python(x)) {
    return(x)
  }
  if (is.function(x) || rlang::is_formula(x)) {
    ask <- rlang::as_function(x)
    return(function(layer) isTRUE(ask(layer)))
  }
  lapply(as.list(x), layer_place, name = "which", call = call)
}
