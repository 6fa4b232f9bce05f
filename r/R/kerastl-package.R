#' kerastl: classify images by transfer learning
#'
#' A script written for the R package keras 2.x runs with `library(kerastl)` in place of
#' `library(keras)`: image generators and flows, models, pretrained backbones, freezing, training
#' and evaluation, on Keras 3. Further functions do in one call what such scripts do step by
#' step: [transfer_model()], [fine_tune()], [train_classifier()], [evaluate_classifier()] and
#' [run_study()].
#'
#' The Python package pykeras-tl does the computing and is imported on first use.
#' [kerastl_sitrep()] shows which Python installation is used and which versions it contains.
#'
#' @keywords internal
#' @importFrom generics compile fit
#' @importFrom magrittr %>%
#' @importFrom R6 R6Class
#' @importFrom rlang %||%
#' @importFrom stats predict
#' @importFrom utils .DollarNames
"_PACKAGE"

# ---- functions of other packages that scripts for Keras 2 use ------------------------------

#' @export
magrittr::`%>%`

#' @importFrom magrittr %<>%
#' @export
magrittr::`%<>%`

#' @export
generics::fit

#' @export
generics::compile

#' @importFrom reticulate %as%
#' @export
reticulate::`%as%`

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
