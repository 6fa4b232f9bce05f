# Python classes whose methods are R functions. In a method, `self` is the Python object, `super`
# its base class, and `private` an R environment that only the methods see.

# A Python class. `methods` are R functions without the argument `self`.
python_class <- function(name, methods, base, fields = list(), active = list(),
                         private = list(), docstring = NULL) {
  builtins <- reticulate::import_builtins()
  shared <- new.env(parent = emptyenv())
  shared$private <- private
  bases <- if (is_python(base)) list(base) else base
  is_layer <- length(bases) > 0 && tryCatch(
    builtins$issubclass(bases[[1]], reticulate::tuple(keras()$Layer, keras()$metrics$Metric)),
    error = function(error) FALSE
  )
  members <- fields
  for (method in names(methods)) {
    members[[python_name(method)]] <- python_method(methods[[method]], method, shared)
  }
  for (property in names(active)) {
    members[[property]] <- python_property(active[[property]], shared)
  }
  if (is_layer && is.null(methods$add_weight)) {
    members$add_weight <- whole_shape_method(shared)
  }
  members[["__module__"]] <- "kerastl"
  members[["__doc__"]] <- docstring
  shared$class <- builtins$type(
    name, do.call(reticulate::tuple, bases), do.call(reticulate::dict, members)
  )
  attr(shared$class, "kerastl_arguments") <- if (!is.null(methods$initialize)) {
    formals(methods$initialize)
  }
  shared$class
}

python_names <- c(
  initialize = "__init__", finalize = "__del__", reset_states = "reset_state"
)

python_name <- function(name) {
  if (name %in% names(python_names)) python_names[[name]] else name
}

# What Python does not accept as it comes from R.
returned_values <- list(
  initialize = function(value) NULL,
  build = function(value) NULL,
  compute_output_shape = function(value) {
    if (is.list(value) && length(value) > 0 && is.list(value[[1]])) {
      lapply(value, shape_tuple)
    } else {
      shape_tuple(value)
    }
  }
)

python_method <- function(f, name, shared) {
  method <- bound_method(f, shared)
  convert <- returned_values[[name]] %||% identity
  calls_base <- name != "initialize" || "super" %in% all.names(body(f))
  named <- names(formals(f))
  function_of_self <- function(self, ...) {
    if (calls_base) {
      value <- method(self, ...)
      return(convert(value))
    }
    arguments <- list(...)
    # Arguments of all layers, which the classes of R6 leave to their base class.
    common <- setdiff(c("name", "dtype", "trainable"), named)
    names <- names(arguments) %||% rep("", length(arguments))
    for_base <- names %in% common & !("..." %in% named)
    do.call(super_of(self, shared)$initialize, arguments[for_base])
    value <- do.call(method, c(list(self), arguments[!for_base]))
    convert(value)
  }
  extra <- if (!calls_base) c("name", "dtype", "trainable")
  with_signature(function_of_self, python_name(name), formals(f), extra)
}

# A Python function with the arguments of the R one, which Keras looks at: it passes `training` and
# `mask` only where a layer's `call()` has them.
with_signature <- function(f, name, arguments, extra = NULL) {
  dots <- names(arguments) == "..."
  optional <- vapply(arguments, function(default) !identical(default, rlang::missing_arg()), NA)
  # Python requires that arguments without a default come first.
  optional <- cumsum(optional) > 0
  named <- names(arguments)[!dots]
  nothing <- vapply(arguments[!dots], is.null, NA)
  extra <- setdiff(extra, named)
  parameters <- c(
    "self", paste0(named, ifelse(nothing, "=None", ifelse(optional[!dots], "=missing", ""))),
    if (any(dots)) "*args" else if (length(extra) > 0) "*",
    if (length(extra) > 0) paste0(extra, "=missing"), if (any(dots)) "**kwargs"
  )
  passed <- paste0("(\"", c(named, extra), "\", ", c(named, extra), "),", collapse = " ")
  code <- sprintf(
    paste(
      "def make(r_function):", "    missing = object()", "    def %s(%s):",
      "        named = {k: v for k, v in (%s) if v is not missing}",
      "        return r_function(self, %s)", "    return %s",
      sep = "\n"
    ),
    name, paste(parameters, collapse = ", "), if (length(c(named, extra)) > 0) passed else "",
    if (any(dots)) "*args, **named, **kwargs" else "**named", name
  )
  module <- reticulate::py_run_string(code, local = TRUE, convert = FALSE)
  module$make(reticulate::r_to_py(f, convert = TRUE))
}

# The function with the further argument `self`, and with `super` and `private` in its body.
bound_method <- function(f, shared) {
  environment <- new.env(parent = environment(f))
  environment$.super_of <- function(self) super_of(self, shared)
  environment$.private_of <- function(self) private_of(self, shared)
  method <- f
  formals(method) <- c(formals(function(self) NULL), formals(f))
  body(method) <- bquote({
    super <- .super_of(self)
    private <- .private_of(self)
    .(body(f))
  })
  environment(method) <- environment
  method
}

# `super$method()` and `super()$method()`.
super_of <- function(self, shared) {
  object <- reticulate::import_builtins()$super(shared$class, self)
  structure(function() super_of(self, shared), object = object, class = "kerastl_super")
}

#' @export
`$.kerastl_super` <- function(x, name) {
  reticulate::py_to_r(reticulate::py_get_attr(attr(x, "object"), python_name(name)))
}

private_of <- function(self, shared) {
  if (length(shared$private) == 0) {
    return(NULL)
  }
  if (!reticulate::py_has_attr(self, "_kerastl_private")) {
    private <- new.env(parent = emptyenv())
    for (name in names(shared$private)) {
      value <- shared$private[[name]]
      private[[name]] <- if (is.function(value)) {
        local({
          method <- bound_method(value, shared)
          function(...) method(self, ...)
        })
      } else {
        value
      }
    }
    number <- length(the$private) + 1L
    the$private[[number]] <- private
    reticulate::py_set_attr(self, "_kerastl_private", number)
  }
  the$private[[reticulate::py_to_r(reticulate::py_get_attr(self, "_kerastl_private"))]]
}

python_property <- function(f, shared) {
  method <- bound_method(f, shared)
  builtins <- reticulate::import_builtins()
  setter <- if (length(formals(f)) > 0) {
    reticulate::r_to_py(function(self, value) {
      method(self, value)
      NULL
    }, convert = TRUE)
  }
  builtins$property(reticulate::r_to_py(function(self) method(self), convert = TRUE), setter)
}

# Whole doubles in shapes, and the name first, as in Keras 2.
whole_shape_method <- function(shared) {
  reticulate::r_to_py(function(self, ...) {
    arguments <- list(...)
    names <- names(arguments) %||% rep("", length(arguments))
    unnamed <- which(!nzchar(names))
    order <- if (length(unnamed) > 0 && is.character(arguments[[unnamed[1]]])) {
      c("name", "shape", "dtype", "initializer")
    } else {
      c("shape", "initializer", "dtype", "trainable")
    }
    names[unnamed] <- setdiff(order, names)[seq_along(unnamed)]
    arguments <- rlang::set_names(arguments, names)
    arguments$shape <- shape_tuple(arguments$shape)
    do.call(super_of(self, shared)$add_weight, drop_null(arguments))
  }, convert = TRUE)
}

# A generator of R6 as a Python class: classes that it inherits from become Python classes too.
r6_class <- function(generator, bases) {
  if (generator$classname %in% names(bases)) {
    return(bases[[generator$classname]])
  }
  parent <- generator$get_inherit()
  base <- if (is.null(parent)) bases[["object"]] else r6_class(parent, bases)
  methods <- generator$public_methods
  methods$clone <- NULL
  python_class(
    generator$classname, methods, base,
    fields = generator$public_fields %||% list(), active = generator$active %||% list(),
    private = c(generator$private_fields, generator$private_methods)
  )
}

is_r6_generator <- function(x) inherits(x, "R6ClassGenerator")

# Bound in methods, see bound_method().
utils::globalVariables("super")
