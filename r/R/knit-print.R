# In knitr and Quarto, objects are shown as notebooks show those of Python; elsewhere as in the
# console.
knit_python <- function(x, python) {
  if (knitr::is_html_output()) {
    knitr::asis_output(python$`_repr_html_`())
  } else {
    knitr::normal_print(x)
  }
}

#' @exportS3Method knitr::knit_print
knit_print.kerastl_evaluation <- function(x, ...) knit_python(x, attr(x, "python"))

#' @exportS3Method knitr::knit_print
knit_print.kerastl_audit <- function(x, ...) knit_python(x, attr(x, "python"))

#' @exportS3Method knitr::knit_print
knit_print.kerastl_history <- function(x, ...) knit_python(x, attr(x, "python"))

#' @exportS3Method knitr::knit_print
knit_print.kerastl_study <- function(x, ...) knit_python(x, attr(x, "python"))

#' @exportS3Method knitr::knit_print
knit_print.kerastl_classifier <- function(x, ...) knit_python(x, x)

#' @exportS3Method knitr::knit_print
knit_print.kerastl_flow <- function(x, ...) knit_python(x, x)
