# Most tests need a Python with pykeras_tl and are skipped without one.
skip_without_python <- function() {
  if (!nzchar(Sys.getenv("RETICULATE_PYTHON")) && !reticulate::py_available()) {
    testthat::skip("set RETICULATE_PYTHON to a Python with pykeras_tl")
  }
  if (!reticulate::py_module_available("pykeras_tl")) {
    testthat::skip(paste("pykeras_tl is not installed in", Sys.getenv("RETICULATE_PYTHON")))
  }
}

# A small network for images of 8 x 8 pixels and two classes.
small_model <- function(compiled = TRUE) {
  model <- keras_model_sequential() %>%
    layer_conv_2d(4, c(3, 3), activation = "relu", input_shape = c(8, 8, 3), name = "conv") %>%
    layer_flatten(name = "flat") %>%
    layer_dense(2, activation = "softmax", name = "out")
  if (compiled) {
    model %>% compile(
      optimizer = optimizer_sgd(lr = 0.1), loss = "categorical_crossentropy",
      metrics = c("accuracy")
    )
  }
  model
}

small_images <- function(n = 12, size = 8) {
  withr::with_seed(1, array(runif(n * size * size * 3, 0, 255), c(n, size, size, 3)))
}

small_labels <- function(n = 12) rep(0:1, length.out = n)

# A folder with two classes of small random PNG files.
image_folder <- function(classes = c("cat", "dog"), each = 5, size = 8,
                           env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  pillow <- reticulate::import("PIL.Image")
  numpy <- reticulate::import("numpy", convert = FALSE)
  random <- numpy$random$RandomState(0L)
  shape <- reticulate::tuple(as.integer(size), as.integer(size), 3L)
  for (class in classes) {
    dir.create(file.path(folder, class))
    for (i in seq_len(each)) {
      pixels <- random$randint(0L, 256L, shape)$astype("uint8")
      pillow$fromarray(pixels)$save(file.path(folder, class, sprintf("%02d.png", i)))
    }
  }
  folder
}

small_flow <- function(folder, ..., batch_size = 4, seed = 1) {
  flow_images_from_directory(
    folder, image_data_generator(rescale = 1 / 255),
    target_size = c(8, 8), batch_size = batch_size, seed = seed, ...
  )
}

# The size in bytes of the PNG file of a plot; an empty page takes less than 3 kB.
plot_size <- function(code) {
  file <- withr::local_tempfile(fileext = ".png")
  grDevices::png(file, 500, 400)
  on.exit(grDevices::dev.off())
  force(code)
  grDevices::dev.off()
  on.exit()
  file.size(file)
}

# Replaces functions of the package; testthat can do so from 3.1.7 on.
local_bindings <- function(..., env = parent.frame()) {
  namespace <- asNamespace("kerastl")
  bind <- function(values) {
    for (name in names(values)) {
      unlockBinding(name, namespace)
      assign(name, values[[name]], namespace)
      lockBinding(name, namespace)
    }
  }
  before <- mget(names(list(...)), namespace)
  bind(list(...))
  withr::defer(bind(before), env)
}
