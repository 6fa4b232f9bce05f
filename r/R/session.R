#' Is Keras available?
#'
#' @param version Version that Keras must at least have, such as `"3.0"`.
#' @returns `TRUE` if Python, Keras and pykeras-tl can be used, otherwise `FALSE`.
#' @export
#' @examples
#' is_keras_available()
is_keras_available <- function(version = NULL) {
  started <- reticulate::py_available() || nzchar(Sys.getenv("RETICULATE_PYTHON")) ||
    !is.null(tryCatch(reticulate::py_discover_config("pykeras_tl"), error = function(error) NULL))
  available <- started && tryCatch(
    reticulate::py_module_available("pykeras_tl"), error = function(error) FALSE
  )
  if (!available || is.null(version)) {
    return(available)
  }
  utils::compareVersion(keras()$`__version__`, as.character(version)) >= 0
}

#' Train on several GPUs
#'
#' Keras 3 has no copies of a model on several GPUs: training is distributed by
#' `keras$distribution`, for the whole session. The function returns the model as it is and says
#' so once.
#'
#' @param model A model.
#' @param gpus,cpu_merge,cpu_relocation Ignored.
#' @returns `model`.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' model <- multi_gpu_model(keras_model_sequential(input_shape = 2) %>% layer_dense(1))
multi_gpu_model <- function(model, gpus = NULL, cpu_merge = TRUE, cpu_relocation = FALSE) {
  check_model(model, "model")
  cli::cli_inform(c(
    "!" = "{.fn multi_gpu_model} returns the model as it is: Keras 3 trains it on one device.",
    i = "To use all GPUs, run {.code keras$distribution$set_distribution(
         keras$distribution$DataParallel())} before you make the model."
  ), .frequency = "once", .frequency_id = "kerastl_multi_gpu")
  model
}

#' Convert an array to a tensor
#'
#' @param x An array or a vector.
#' @param dtype Type of the tensor; `NULL` uses that of Keras for decimal numbers.
#' @returns A tensor.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' keras_array(matrix(1:4, 2))
keras_array <- function(x, dtype = NULL) {
  if (is.list(x) && !is_python(x)) {
    return(lapply(x, keras_array, dtype = dtype))
  }
  type <- dtype %||% if (is.double(x)) keras()$config$floatx()
  keras()$ops$convert_to_tensor(as_array(x), dtype = type)
}
