#' Functions of a model's tensors
#'
#' `k_function()` returns an R function that computes tensors of a model from others, and
#' `k_gradients()` the gradients of a tensor, which are tensors that `k_function()` computes.
#'
#' @param inputs A tensor or a list of tensors, such as `model$input`.
#' @param outputs A tensor or a list of tensors that are computed from them, such as
#'   `get_layer(model, "conv")$output`.
#' @param updates,... Ignored: Keras 3 does not have them.
#' @param loss A tensor, whose sum is derived.
#' @param variables A tensor or a list of tensors that the loss depends on.
#' @returns `k_function()` returns a function of a list of arrays that returns a list of arrays;
#'   `k_gradients()` a list of tensors.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- keras_model_sequential(input_shape = 2) %>% layer_dense(3, name = "hidden")
#' gradients <- k_gradients(model$output[, 1], model$input)[[1]]
#' compute <- k_function(list(model$input), list(model$output, gradients))
#' compute(list(matrix(1:2, 1)))
k_function <- function(inputs, outputs, updates = NULL, ...) {
  single <- is_python(outputs)
  types <- lapply(tensor_list(inputs), tensor_type)
  names <- if (!single) names(outputs)
  compute <- keras()$Function(tensor_list(inputs), tensor_list(outputs))
  function(...) {
    given <- list(...)
    if (length(given) == 1 && is.list(given[[1]]) && !is_python(given[[1]])) {
      given <- given[[1]]
    }
    arrays <- Map(function(x, type) {
      keras()$ops$convert_to_tensor(as_array(x, "inputs"), dtype = type)
    }, unname(given), types)
    values <- lapply(compute(arrays), as_values)
    if (single) values[[1]] else rlang::set_names(values, names)
  }
}

as_values <- function(x) {
  values <- reticulate::py_to_r(keras()$ops$convert_to_numpy(x))
  if (length(dim(values)) == 0) as.vector(values) else values
}

#' @rdname k_function
#' @export
k_gradients <- function(loss, variables) {
  toolkit()$models$symbolic_gradients(loss, tensor_list(variables))
}

tensor_list <- function(x) if (is_python(x)) list(x) else unname(as.list(x))
