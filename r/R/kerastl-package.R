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
#' @importFrom generics compile fit
#' @importFrom magrittr %>%
#' @importFrom rlang %||%
#' @importFrom stats predict
"_PACKAGE"

# ---- what scripts for keras call, and other packages hold ---------------------------------

#' @export
magrittr::`%>%`

#' @export
generics::fit

#' @export
generics::compile

#' @importFrom reticulate array_reshape
#' @export
reticulate::array_reshape

#' @importFrom reticulate tuple
#' @export
reticulate::tuple

#' @importFrom reticulate use_python
#' @export
reticulate::use_python

#' @importFrom reticulate use_virtualenv
#' @export
reticulate::use_virtualenv

#' @importFrom reticulate use_condaenv
#' @export
reticulate::use_condaenv
