#' Serve a classifier over HTTP
#'
#' `write_plumber()` saves a classifier and writes a `plumber.R` beside it: an API that answers
#' `POST /predict`, with an image as the body or images in a form, by the most probable class and
#' the probabilities, and `GET /classes`. The folder needs nothing else, so that it can be copied to
#' a server or into a container.
#'
#' For users of vetiver, a classifier can be given to `vetiver::vetiver_model()`, pinned, and served
#' by `vetiver::vetiver_api()`: its `/predict` takes a table with the column `image`, the bytes of
#' an image file in base64.
#'
#' @param object A classifier, such as [train_classifier()] returns.
#' @param folder Folder to write to.
#' @param images A list of raw vectors, the contents of image files.
#' @returns `write_plumber()` returns the path of `plumber.R`, invisibly. `classify_bytes()`, which
#'   the API calls, returns a table with the columns `.pred_class` and `.pred_<class>`, and `error`
#'   if some images cannot be read; if none can, it is an error.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' folder <- generate_blood_cells(tempfile(), train = 12, test = 4, test_simple = 2)
#' classifier <- train_classifier(
#'   file.path(folder, "TRAIN"), tempfile(), backbone = "mobilenet", weights = NULL,
#'   target_size = c(32, 32), epochs = 1, batch_size = 4
#' )
#' file <- write_plumber(classifier, tempfile())
#' image <- list_images(file.path(folder, "TEST"))$filename[1]
#' classify_bytes(classifier, list(readBin(image, "raw", file.size(image))))
#' if (interactive()) plumber::pr_run(plumber::pr(file), port = 8000)
write_plumber <- function(object, folder) {
  folder <- file_path(folder)
  dir.create(folder, recursive = TRUE, showWarnings = FALSE)
  save_classifier(object, file.path(folder, "classifier"))
  template <- system.file("plumber", "plumber.R", package = "kerastl", mustWork = TRUE)
  file <- file.path(folder, "plumber.R")
  if (!file.copy(template, file, overwrite = TRUE)) {
    cli::cli_abort("{.path {file}} cannot be written.")
  }
  invisible(file)
}

#' @rdname write_plumber
#' @export
classify_bytes <- function(object, images) {
  images <- if (is.raw(images)) list(images) else images
  if (!is.list(images) || !all(vapply(images, is.raw, NA))) {
    cli::cli_abort("{.arg images} must be a list of raw vectors, not {describe(images)}.")
  }
  folder <- tempfile("images-")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  # The format is found by the content.
  files <- file.path(folder, sprintf("%06d.jpg", seq_along(images)))
  for (i in seq_along(images)) writeBin(images[[i]], files[i])
  predictions <- tryCatch(augment(object, files), error = function(error) {
    if (!any(endsWith(class(error), "BadImageError"))) stop(error)
    cli::cli_abort("None of the images can be read.", call = NULL, class = "kerastl_bad_images")
  })
  if ("error" %in% names(predictions)) {
    predictions$error <- gsub(paste0(folder, "/"), "", predictions$error, fixed = TRUE)
  }
  predictions[setdiff(names(predictions), "filename")]
}

# ---- vetiver -----------------------------------------------------------------------------------

# A classifier as bytes, which survive saveRDS() and thus vetiver's pins.
pack_classifier <- function(object) {
  folder <- tempfile("classifier-")
  on.exit(unlink(folder, recursive = TRUE))
  save_classifier(object, folder)
  files <- list.files(folder, recursive = TRUE, all.files = TRUE)
  contents <- lapply(file.path(folder, files), function(file) {
    readBin(file, "raw", file.size(file))
  })
  structure(
    list(
      files = rlang::set_names(contents, files),
      classes = as.character(unlist(object$class_names)),
      target_size = as.integer(unlist(object$target_size))
    ),
    class = "kerastl_packed_classifier"
  )
}

unpack_classifier <- function(x) {
  folder <- tempfile("classifier-")
  on.exit(unlink(folder, recursive = TRUE))
  for (name in names(x$files)) {
    file <- file.path(folder, name)
    dir.create(dirname(file), recursive = TRUE, showWarnings = FALSE)
    writeBin(x$files[[name]], file)
  }
  load_classifier(folder)
}

#' @export
print.kerastl_packed_classifier <- function(x, ...) {
  cat(sprintf(
    "<packed classifier, %.1f MB, for images of %s pixels>\n  %d classes: %s\n",
    sum(lengths(x$files)) / 2^20, paste(x$target_size, collapse = " x "), length(x$classes),
    paste(x$classes, collapse = ", ")
  ))
  invisible(x)
}

# What vetiver_model() and vetiver_api() call. The model is described before it is packed in some
# versions of vetiver and after it in others.
vetiver_methods <- list(
  vetiver_create_description = function(model) {
    classes <- as.character(unlist(model$class_names %||% model$classes))
    sprintf("A kerastl classifier of images with %d classes", length(classes))
  },
  vetiver_create_meta = function(model, metadata) {
    getExportedValue("vetiver", "vetiver_meta")(metadata, required_pkgs = "kerastl")
  },
  vetiver_ptype = function(model, ...) as_tibble_if_installed(data.frame(image = character())),
  vetiver_prepare_model = function(model) {
    if (inherits(model, "kerastl_packed_classifier")) model else pack_classifier(model)
  },
  handler_startup = function(vetiver_model) invisible(requireNamespace("kerastl")),
  handler_predict = function(vetiver_model, ...) {
    model <- vetiver_model$model
    classifier <- if (inherits(model, "kerastl_packed_classifier")) {
      unpack_classifier(model)
    } else {
      model
    }
    function(req) {
      texts <- as.data.frame(req$body)$image
      if (!is.character(texts)) {
        cli::cli_abort("The body must be a table with the column {.field image}: image files in
                        base64.", call = NULL)
      }
      classify_bytes(classifier, lapply(texts, from_base64))
    }
  }
)

from_base64 <- function(text) {
  base64 <- reticulate::import("base64", convert = FALSE)
  as.raw(reticulate::py_to_r(reticulate::import_builtins()$bytearray(base64$b64decode(text))))
}

register_vetiver <- function(...) {
  for (generic in names(vetiver_methods)) {
    for (class in c("kerastl_classifier", "kerastl_packed_classifier")) {
      registerS3method(generic, class, vetiver_methods[[generic]],
        envir = asNamespace("vetiver")
      )
    }
  }
}
