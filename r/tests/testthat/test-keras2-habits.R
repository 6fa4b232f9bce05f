# What public scripts do with models, flows and results, beside calling functions.

test_that("evaluate() is a named numeric vector that is printed as a list", {
  skip_without_python()
  model <- small_model()
  results <- model %>% evaluate(small_images(), to_categorical(small_labels()), verbose = 0)
  expect_true(is.numeric(results))
  expect_identical(unname(results["accuracy"] * 100), 100 * results$accuracy)
  expect_identical(results[["acc"]], results$accuracy)
  expect_identical(results["acc"], results["accuracy"])
  expect_identical(names(round(results, 3)), c("loss", "accuracy"))
  expect_output(print(results), "$loss", fixed = TRUE)
  expect_identical(names(as.data.frame(results)), c("loss", "accuracy"))
  expect_match(paste("Test loss:", results[[1]]), "Test loss: [0-9]")
})

test_that("histories begin with the loss", {
  skip_without_python()
  flow <- small_flow(image_folder())
  history <- suppressWarnings(
    small_model() %>% fit(flow, epochs = 1, validation_data = flow, verbose = 0)
  )
  expect_named(history$metrics, c("loss", "accuracy", "val_loss", "val_accuracy"))
  expect_identical(levels(as.data.frame(history)$metric), c("loss", "accuracy"))
})

test_that("checkpoints have the name that was asked for", {
  skip_without_python()
  folder <- withr::local_tempdir()
  withr::local_options(lifecycle_verbosity = "quiet")
  flow <- small_flow(image_folder())
  model <- small_model()
  model %>% fit(flow,
    epochs = 2, verbose = 0, callbacks = list(
      callback_model_checkpoint(file.path(folder, "best.hdf5"), "loss", 0, FALSE),
      callback_model_checkpoint(
        filepath = file.path(folder, "w.{epoch:02d}-{loss:.0f}.hdf5"), monitor = "loss",
        save_weights_only = TRUE, period = 2
      )
    )
  )
  files <- list.files(folder)
  expect_length(files, 2)
  expect_match(files, "^(best|w.02-[0-9])[.]hdf5$")
  loaded <- load_model_hdf5(file.path(folder, "best.hdf5"))
  expect_equal(get_weights(loaded), get_weights(model))
  other <- small_model()
  expect_no_error(load_model_weights(other, file.path(folder, files[2])))
  load_model_weights_hdf5(other, file.path(folder, files[2]))
  expect_equal(get_weights(other), get_weights(model))
  expect_error(load_model_weights_hdf5(other, file.path(folder, "none.hdf5")), "does not exist")
})

test_that("arguments that a flow does not use are said", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  expect_warning(fit(model, flow, epochs = 1, validation_split = 0.2, verbose = 0), "two flows")
  expect_warning(fit(model, flow, epochs = 1, batch_size = 32, verbose = 0), "batch_size")
  expect_no_warning(fit(model, flow, epochs = 1, batch_size = 4, verbose = 0))
})

test_that("class weights go with flows of arrays", {
  skip_without_python()
  flow <- flow_images_from_data(small_images() / 255, to_categorical(small_labels()))
  for (weights in list(list("0" = 1, "1" = 3), c("0" = 1, "1" = 3))) {
    history <- small_model() %>% fit(flow, epochs = 1, verbose = 0, class_weight = weights)
    expect_true(is.finite(history$metrics$loss))
  }
})

test_that("every kind of flow is printed", {
  skip_without_python()
  images <- small_images()
  expect_output(print(flow_images_from_data(images, NULL)), "12 images, 8 x 8 x 3")
  expect_output(print(flow_images_from_data(images, small_labels())), "12 images")
  folder <- image_folder()
  expect_output(print(small_flow(folder, class_mode = NULL)), "10 images")
  table <- list_images(folder)
  table$value <- seq_len(nrow(table))
  flow <- flow_images_from_dataframe(
    table, y_col = "value", class_mode = "raw", target_size = c(8, 8)
  )
  expect_output(print(flow), "10 images")
})

test_that("a summary fills a wide console", {
  skip_without_python()
  withr::local_options(width = 140)
  lines <- strsplit(format(small_model()), "\n")[[1]]
  expect_identical(max(nchar(lines)), 140L)
})

test_that("sequential models have input and output", {
  skip_without_python()
  model <- small_model()
  expect_identical(dim(model$input), c(NA, 8L, 8L, 3L))
  expect_identical(dim(model$output), c(NA, 2L))
  features <- keras_model(model$input, get_layer(model, "conv")$output)
  expect_identical(dim(predict(features, small_images(2))), c(2L, 6L, 6L, 4L))
  outputs <- lapply(model$layers[1:2], function(layer) layer$output)
  expect_length(predict(keras_model(inputs = model$input, outputs = outputs), small_images(1)), 2)
})

test_that("shapes with batches take whole doubles and NA", {
  skip_without_python()
  expect_identical(dim(layer_input(batch_shape = c(NA, 28, 28, 1))), c(NA, 28L, 28L, 1L))
  expect_identical(dim(layer_input(batch_shape = list(4, NULL, 3))), c(4L, NA, 3L))
  expect_identical(dim(layer_input(c(28, 28), name = "a")), c(NA, 28L, 28L))
  model <- keras_model_sequential() %>% layer_dense(2, batch_input_shape = c(4, 3))
  expect_identical(dim(model$output), c(4L, 2L))
})

test_that("warnings of Python are warnings of R", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  expect_warning(
    fit(model, flow, epochs = 1, validation_data = flow, verbose = 0), "training images"
  )
  stopped <- tryCatch(
    fit(model, flow, epochs = 1, validation_data = flow, verbose = 0),
    warning = function(warning) conditionMessage(warning)
  )
  expect_match(stopped, "training images")
  # Python goes on after that.
  expect_error(keras$layers$Dense("many"), "units")
  expect_length(suppressWarnings(fit(model, flow, epochs = 1, verbose = 0))$metrics$loss, 1)
})

test_that("code in warnings is R code", {
  expect_identical(
    in_r(c(
      "pass class_weight={0: 0.5, 'big cat': 2.0}.", "Make it with an ImageDataGenerator.",
      "x[n:] to train on, x[:n] to validate."
    )),
    c(
      "pass class_weight = list(\"0\" = 0.5, \"big cat\" = 2.0).",
      "Make it with an image_data_generator().",
      "x[-(1:n), , , ] to train on, x[1:n, , , ] to validate."
    )
  )
})

test_that("our messages come without Python's", {
  skip_without_python()
  message <- tryCatch(flow_images_from_directory("/no/such/folder"), error = conditionMessage)
  expect_no_match(message, "py_last_error|Error:")
  expect_match(tryCatch(keras$layers$Dense("a"), error = conditionMessage), "py_last_error")
})

test_that("models, flows and settings from RDS files say what to do", {
  skip_without_python()
  restored <- function(x) unserialize(serialize(x, NULL))
  model <- restored(small_model())
  expect_error(print(model), "save_model")
  expect_error(predict(model, small_images()), "save_model")
  expect_error(evaluate(model, small_images()), "save_model")
  expect_error(fit(model, small_images()), "save_model")
  expect_error(compile(model), "save_model")
  expect_error(model %>% layer_dense(2), "save_model")
  expect_error(summary(model), "save_model")
  expect_error(model$layers, "save_model")
  expect_error(freeze_weights(model), "save_model")
  flow <- restored(small_flow(image_folder()))
  expect_error(print(flow), "Make the flow again")
  expect_error(fit(small_model(), flow), "Make the flow again")
  expect_error(predict(small_model(), flow), "Make the flow again")
  expect_error(flow$n, "Make the flow again")
  settings <- restored(image_data_generator())
  expect_error(print(settings), "image_data_generator")
  expect_error(flow_images_from_data(small_images(), generator = settings), "Make it again")
})

test_that("models become bytes and folders, and return", {
  skip_without_python()
  model <- small_model()
  images <- small_images()
  bytes <- serialize_model(model)
  expect_type(bytes, "raw")
  again <- unserialize_model(unserialize(serialize(bytes, NULL)))
  expect_equal(predict(again, images), predict(model, images), tolerance = 1e-6)
  folder <- withr::local_tempdir()
  save_model_tf(model, file.path(folder, "saved"))
  expect_equal(
    predict(load_model_tf(file.path(folder, "saved")), images), predict(model, images),
    tolerance = 1e-6
  )
  expect_error(save_model_tf(model, file.path(folder, "saved"), overwrite = FALSE), "exists")
  file.create(file.path(folder, "saved_model.pb"))
  expect_error(load_model_tf(folder), "TFSMLayer")
  expect_error(unserialize_model("a"), "raw vector")
})

test_that("a model with a loss of its own is loaded with the R function", {
  skip_without_python()
  squared <- function(y_true, y_pred) (y_true - y_pred)^2
  model <- small_model(compiled = FALSE)
  model %>% compile("sgd", squared, metrics = c("mse", squared))
  suppressWarnings(
    model %>% fit(small_images(), to_categorical(small_labels()), epochs = 1, verbose = 0)
  )
  folder <- withr::local_tempdir()
  withr::local_options(lifecycle_verbosity = "quiet")
  for (file in file.path(folder, c("m.h5", "m.keras"))) {
    save_model(model, file)
    loaded <- load_model(file, custom_objects = list(squared = squared))
    expect_true("squared" %in% names(
      loaded %>% evaluate(small_images(), to_categorical(small_labels()))
    ))
  }
})

test_that("multi_gpu_model() returns the model and says so once", {
  skip_without_python()
  rlang::reset_message_verbosity("kerastl_multi_gpu")
  model <- small_model()
  expect_message(expect_identical(multi_gpu_model(model, gpus = 2), model), "DataParallel")
  expect_no_message(multi_gpu_model(model, gpus = 2))
})

test_that("one loss is that of each of several outputs", {
  skip_without_python()
  input <- layer_input(3)
  outputs <- c(layer_dense(input, 1, name = "a"), layer_dense(input, 1, name = "b"))
  model <- keras_model(input, outputs)
  for (weights in list(c(1, 0.2), list(a = 1, b = 0.2))) {
    model %>% compile("sgd", loss = "mse", loss_weights = weights)
    scores <- model %>% evaluate(matrix(1, 2, 3), list(c(5, 5), c(7, 7)), verbose = 0)
    errors <- lapply(predict(model, matrix(1, 1, 3)), as.vector)
    expected <- (errors[[1]] - 5)^2 + 0.2 * (errors[[2]] - 7)^2
    expect_equal(scores[["loss"]], expected, tolerance = 1e-4)
  }
})

test_that("variational autoencoders draw by the number of samples, and use its tensors", {
  skip_without_python()
  latent_dim <- 2L
  x <- layer_input(shape = 6)
  z_mean <- layer_dense(x, latent_dim)
  z_log_var <- layer_dense(x, latent_dim)
  sampling <- function(arg) {
    z_mean <- arg[, 1:(latent_dim)]
    z_log_var <- arg[, (latent_dim + 1):(2 * latent_dim)]
    epsilon <- k_random_normal(shape = c(k_shape(z_mean)[[1]]), mean = 0., stddev = 1)
    z_mean + k_exp(z_log_var / 2) * epsilon
  }
  z <- layer_concatenate(list(z_mean, z_log_var)) %>% layer_lambda(sampling)
  vae <- keras_model(x, layer_dense(z, 6, activation = "sigmoid"))
  vae_loss <- function(x, decoded) {
    kl_loss <- -0.5 * k_mean(1 + z_log_var - k_square(z_mean) - k_exp(z_log_var), axis = -1L)
    6 * loss_binary_crossentropy(x, decoded) + kl_loss
  }
  vae %>% compile(optimizer = "rmsprop", loss = vae_loss)
  data <- matrix(runif(30), 5)
  history <- vae %>% fit(data, data, epochs = 1, batch_size = 2, verbose = 0)
  expect_true(is.finite(history$metrics$loss))
  encoder <- keras_model(x, list(z, z_mean, z_log_var))
  drawn <- predict(encoder, rbind(data[1, ], data[1, ]))
  noise <- (drawn[[1]] - drawn[[2]]) / exp(drawn[[3]] / 2)
  # Each sample has its own noise, and so has each latent dimension.
  expect_length(unique(round(as.vector(noise), 4)), 4)
})

test_that("with() names a gradient tape by %as%", {
  skip_without_python()
  skip_if_not(k_backend() == "tensorflow")
  # As in a script, which finds only what is exported.
  script <- new.env(parent = baseenv())
  script$`%as%` <- getExportedValue("kerastl", "%as%")
  script$tensorflow <- reticulate::import("tensorflow")
  script$x <- script$tensorflow$Variable(3)
  eval(quote(with(tensorflow$GradientTape() %as% tape, y <- x$value() * x$value())), script)
  expect_equal(as.numeric(eval(quote(tape$gradient(y, x)), script)), 6)
})

test_that("random numbers have the shape that is asked for, of tensors too", {
  skip_without_python()
  x <- k_constant(matrix(1, 5, 3))
  size <- k_shape(x)[[1]]
  for (draw in list(k_random_normal, k_random_uniform, k_truncated_normal, k_random_bernoulli)) {
    expect_identical(dim(draw(c(size, 4))), c(5L, 4L))
    expect_identical(dim(draw(list(4L, size))), c(4L, 5L))
    expect_identical(dim(draw(k_shape(x))), c(5L, 3L))
    expect_identical(dim(draw(6)), 6L)
    expect_identical(dim(draw(list(k_sum(k_constant(c(2, 4), "int32"))))), 6L)
    expect_identical(dim(draw(c(k_shape(x)[1]))), 5L)
    expect_identical(dim(draw(c(k_shape(x)[[2]]))), 3L)
    # The first size alone is that of all, see random_shape().
    expect_identical(dim(draw(c(size))), c(5L, 3L))
  }
})

test_that("lambda layers take an output shape in all of its forms", {
  skip_without_python()
  inputs <- list(layer_input(4), layer_input(4))
  distance <- function(x) k_abs(x[[1]] - x[[2]])
  for (shape in list(4, c(4), list(4), function(shapes) shapes[[1]])) {
    output <- layer_lambda(inputs, distance, output_shape = shape)
    expect_identical(dim(output), c(NA, 4L))
  }
})

test_that("layers and lists of models have what keras 2's had", {
  skip_without_python()
  model <- small_model()
  layer <- model$layers[[1]]
  expect_identical(layer$input_shape, list(NULL, 8L, 8L, 3L))
  expect_identical(layer$output_shape, list(NULL, 6L, 6L, 4L))
  sum <- layer_add(layer_input(2), layer_input(2))
  merging <- get_layer(keras_model(keras$utils$get_source_inputs(sum), sum), index = -1)
  expect_identical(merging$input_shape, list(list(NULL, 2L), list(NULL, 2L)))
  expect_identical(reticulate::py_str(shape(utils::tail(list(NULL, 3L), 1), 4)), "(3, 4)")
})

test_that("the shape of a symbolic tensor is computed with its values", {
  skip_without_python()
  model <- small_model()
  scaling <- k_prod(k_cast(k_shape(model$output), "float32"))
  loss <- k_variable(0) + 0.2 * k_sum(k_square(model$output)) / scaling
  gradients <- k_gradients(loss, model$input)[[1]]
  compute <- k_function(list(model$input), list(scaling, gradients))
  values <- compute(list(small_images(3)))
  expect_equal(as.vector(values[[1]]), 6)
  expect_identical(dim(values[[2]]), c(3L, 8L, 8L, 3L))
})

test_that("metrics answer to the names that they had before keras 2.3", {
  skip_without_python()
  model <- keras_model_sequential() %>% layer_dense(1, input_shape = 2)
  model %>% compile("sgd", "mse", metrics = c("mae"))
  x <- matrix(runif(12), 6)
  history <- model %>% fit(x, 1:6, epochs = 1, verbose = 0, validation_data = list(x / 2, 1:6))
  metrics <- history$metrics
  expect_identical(metrics$val_mean_absolute_error, metrics$val_mae)
  scores <- model %>% evaluate(x, 1:6, verbose = 0)
  expect_identical(scores$mean_absolute_error, scores[["mae"]])
  expect_null(metrics$mean_squared_error)
})
