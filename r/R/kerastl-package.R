#' kerastl: classify images by transfer learning
#'
#' A script written for R's keras 2.x runs again with `library(kerastl)` in place of
#' `library(keras)`: image generators and flows, models, pretrained backbones, freezing,
#' training and evaluation, on Keras 3. The toolkit's own functions do in one call what such
#' scripts do by hand: [transfer_model()], [fine_tune()], [train_classifier()],
#' [evaluate_classifier()], [run_study()].
#'
#' Everything is computed by the Python package pykeras_tl, which is imported at first use.
#' [kerastl_sitrep()] shows which Python that is and what it holds.
#'
#' @keywords internal
#' @importFrom generics compile evaluate fit
#' @importFrom magrittr %>%
#' @importFrom rlang %||%
#' @importFrom stats predict
"_PACKAGE"

#' Objects exported from other packages
#'
#' The pipe of magrittr, the generics `fit()`, `compile()` and `evaluate()` of generics, and
#' the helpers of reticulate that scripts for keras call.
#'
#' @name reexports
#' @aliases %>%
#' @keywords internal
#' @examples
#' c(1, 4) %>% sum()
#' array_reshape(1:4, c(2, 2))
NULL

#' @rdname reexports
#' @export
magrittr::`%>%`

#' @rdname reexports
#' @export
generics::fit

#' @rdname reexports
#' @export
generics::compile

#' @rdname reexports
#' @export
generics::evaluate

#' @importFrom reticulate array_reshape
#' @rdname reexports
#' @export
reticulate::array_reshape

#' @importFrom reticulate tuple
#' @rdname reexports
#' @export
reticulate::tuple

#' @importFrom reticulate use_python
#' @rdname reexports
#' @export
reticulate::use_python

#' @importFrom reticulate use_virtualenv
#' @rdname reexports
#' @export
reticulate::use_virtualenv

#' @importFrom reticulate use_condaenv
#' @rdname reexports
#' @export
reticulate::use_condaenv
