#' Set the random seed
#'
#' Sets the seed of R, Python, NumPy and the Keras backend. `use_session_with_seed()` is
#' deprecated: use `set_random_seed()`.
#'
#' @param seed A whole number.
#' @returns `seed`, invisibly.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' set_random_seed(42)
set_random_seed <- function(seed) {
  seed <- whole_number(seed)
  set.seed(seed)
  keras()$utils$set_random_seed(seed)
  invisible(seed)
}
