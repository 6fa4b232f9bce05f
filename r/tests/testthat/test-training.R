test_that("fit() trains on a flow and returns the history", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  before <- get_weights(model)[[1]]
  history <- suppressWarnings(
    model %>% fit(flow, epochs = 2, validation_data = flow, verbose = 0)
  )
  expect_s3_class(history, "keras_training_history")
  expect_named(history$metrics, c("accuracy", "loss", "val_accuracy", "val_loss"),
    ignore.order = TRUE
  )
  expect_length(history$metrics$loss, 2)
  expect_identical(history$metrics$acc, history$metrics$accuracy)
  expect_equal(history$params$epochs, 2)
  expect_false(identical(get_weights(model)[[1]], before))
})

test_that("fractional steps are rounded up", {
  skip_without_python()
  flow <- small_flow(image_folder())
  history <- small_model() %>%
    fit(flow, steps_per_epoch = flow$n / flow$batch_size, epochs = 1, verbose = 0)
  expect_equal(history$params$steps, 3)
})

test_that("fit() trains on arrays with the arguments of Keras", {
  skip_without_python()
  x <- small_images() / 255
  y <- to_categorical(small_labels())
  history <- small_model() %>% fit(
    x, y, batch_size = 4, epochs = 3, validation_split = 0.25, verbose = 0,
    class_weight = list("0" = 1, "1" = 2)
  )
  expect_length(history$metrics$val_loss, 3)
  expect_warning(
    history <- small_model() %>% fit(
      x, y, epochs = 1, validation_data = list(x, y), sample_weight = rep(1, 12), verbose = 0
    ),
    "contains all 12 training images"
  )
  expect_length(history$metrics$val_loss, 1)
  # With initial_epoch = 1, the first epoch trained is the second.
  later <- small_model() %>% fit(x, y, epochs = 2, initial_epoch = 1, verbose = 0)
  expect_identical(as.data.frame(later)$epoch[1], 2L)
})

test_that("evaluate() returns named metrics, predict() one row per image", {
  skip_without_python()
  flow <- small_flow(image_folder(), shuffle = FALSE)
  model <- small_model()
  results <- model %>% evaluate(flow)
  expect_named(results, c("loss", "accuracy"))
  expect_identical(results$acc, results$accuracy)
  probabilities <- model %>% predict(flow)
  expect_identical(dim(probabilities), c(10L, 2L))
  expect_equal(rowSums(probabilities), rep(1, 10), tolerance = 1e-5)
  expect_identical(dim(predict(model, flow, steps = 1.5)), c(8L, 2L))
  expect_identical(dim(predict(model, small_images())), c(12L, 2L))
})

test_that("the function names of Keras 2 work, with a warning", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "warning")
  flow <- small_flow(image_folder(), shuffle = FALSE)
  model <- small_model()
  suppressWarnings(expect_warning(
    history <- model %>% fit_generator(
      flow, steps_per_epoch = 2, epochs = 1, verbose = 0, validation_data = flow,
      validation_steps = 1
    ),
    "use `fit()`",
    fixed = TRUE
  ))
  expect_length(history$metrics$val_acc, 1)
  expect_warning(
    results <- model %>% evaluate_generator(flow, steps = 3), "use `evaluate()`",
    fixed = TRUE
  )
  expect_equal(results, model %>% evaluate(flow))
  expect_warning(
    p <- model %>% predict_generator(flow, steps = 3), "use `predict()`",
    fixed = TRUE
  )
  expect_equal(p, model %>% predict(flow))
})

test_that("a number in the position of steps_per_epoch is explained", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "quiet")
  flow <- small_flow(image_folder())
  expect_message(
    small_model() %>% fit_generator(flow, 2, verbose = 0), "epochs = 2"
  )
})

test_that("settings are rejected in place of a flow", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "quiet")
  flow <- small_flow(image_folder())
  model <- small_model()
  settings <- image_data_generator(rescale = 1 / 255)
  expect_snapshot(error = TRUE, {
    model %>% fit(flow, validation_data = settings)
    model %>% fit(settings)
    model %>% fit_generator(flow, steps_per_epoch = 1, validation_data = settings)
    model %>% evaluate(settings)
    model %>% predict(settings)
    model %>% fit(small_images(), factor(small_labels()))
    model %>% fit(flow, class_weight = list(1, 2))
  })
})

test_that("callbacks accept acc and accuracy", {
  skip_without_python()
  folder <- withr::local_tempdir()
  flow <- small_flow(image_folder())
  log <- file.path(folder, "log.csv")
  checkpoint <- callback_model_checkpoint(
    file.path(folder, "best.hdf5"), monitor = "val_acc", save_best_only = TRUE
  )
  history <- suppressWarnings(small_model() %>% fit(
    flow, epochs = 3, validation_data = flow, verbose = 0,
    callbacks = list(
      checkpoint,
      callback_early_stopping(monitor = "val_acc", min_delta = 10, patience = 1),
      callback_reduce_lr_on_plateau(monitor = "loss", patience = 1),
      callback_csv_logger(log)
    )
  ))
  expect_lt(length(history$metrics$loss), 3)
  expect_true(file.exists(file.path(folder, "best.hdf5")))
  expect_identical(nrow(utils::read.csv(log)), length(history$metrics$loss))
  expect_no_error(small_model() %>% fit(
    flow, epochs = 1, verbose = 0, callbacks = callback_csv_logger(log)
  ))
})

test_that("TensorBoard that is not installed is missed before training", {
  skip_without_python()
  skip_if(reticulate::py_module_available("tensorboard"), "tensorboard is installed")
  callback <- callback_tensorboard(withr::local_tempdir())
  expect_error(
    small_model() %>% fit(small_flow(image_folder()), verbose = 0, callbacks = list(callback)),
    "Install it: pip install tensorboard"
  )
})

test_that("an interrupt stops training and returns the history so far", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  stopper <- keras()$callbacks$LambdaCallback(
    on_epoch_end = function(epoch, logs) if (epoch == 1) rlang::interrupt()
  )
  history <- model %>% fit(flow, epochs = 50, verbose = 0, callbacks = list(stopper))
  expect_true(attr(history, "stopped"))
  expect_lt(length(history$metrics$loss), 5)
  expect_gte(length(history$metrics$loss), 1)
  expect_length(model %>% evaluate(flow), 2)
})

test_that("an interrupt during the first epoch returns an empty history", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- small_model()
  stopper <- keras()$callbacks$LambdaCallback(
    on_train_batch_end = function(batch, logs) rlang::interrupt()
  )
  expect_message(
    history <- model %>% fit(flow, epochs = 5, verbose = 0, callbacks = list(stopper)),
    "first epoch"
  )
  expect_true(attr(history, "stopped"))
  expect_output(print(history), "0 epochs")
  expect_identical(nrow(as.data.frame(history)), 0L)
  expect_length(model %>% evaluate(flow), 2)
})

test_that("training resumes where it was stopped", {
  skip_without_python()
  folder <- image_folder()
  run <- withr::local_tempdir()
  train <- function(epochs, ...) {
    set_random_seed(7)
    small_model() %>% fit(small_flow(folder), epochs = epochs, verbose = 0, ...)
  }
  crash <- FALSE
  crasher <- keras()$callbacks$LambdaCallback(
    on_epoch_end = function(epoch, logs) if (crash && epoch == 2) stop("crash")
  )
  complete <- train(4, callbacks = crasher)
  crash <- TRUE
  expect_error(train(4, run_dir = run, callbacks = crasher), "crash")
  crash <- FALSE
  resumed <- train(4, run_dir = run, callbacks = crasher)
  expect_identical(resumed$metrics$loss, complete$metrics$loss)
  # Other settings are rejected.
  expect_error(train(5, run_dir = run), "callbacks")
})

test_that("training is reproducible by seed", {
  skip_without_python()
  folder <- image_folder()
  run <- function() {
    set_random_seed(7)
    small_model() %>% fit(small_flow(folder), epochs = 2, verbose = 0)
  }
  withr::local_options(lifecycle_verbosity = "warning")
  expect_warning(use_session_with_seed(7, disable_gpu = TRUE), "set_random_seed")
  expect_identical(run()$metrics$loss, run()$metrics$loss)
})

test_that("models are saved and loaded", {
  skip_without_python()
  folder <- withr::local_tempdir()
  withr::local_options(lifecycle_verbosity = "warning")
  model <- small_model()
  x <- small_images()
  expect_warning(save_model_hdf5(model, file.path(folder, "m.h5")), "save_model")
  expect_warning(old <- load_model_hdf5(file.path(folder, "m.h5")), "load_model")
  expect_equal(predict(old, x), predict(model, x), tolerance = 1e-6)
  save_model(model, file.path(folder, "m.keras"))
  new <- load_model(file.path(folder, "m.keras"))
  expect_equal(predict(new, x), predict(model, x), tolerance = 1e-6)
  expect_s3_class(new, "kerastl_model")
  save_model_weights(model, file.path(folder, "m.weights.h5"))
  other <- small_model()
  load_model_weights(other, file.path(folder, "m.weights.h5"))
  expect_equal(predict(other, x), predict(model, x), tolerance = 1e-6)
  writeLines("not weights", file.path(folder, "text.weights.h5"))
  expect_error(load_model_weights(other, file.path(folder, "text.weights.h5")), "text.weights.h5")
  withr::local_options(lifecycle_verbosity = "quiet")
  expect_error(save_model_hdf5(model, file.path(folder, "m.rds")), "must end in")
})

test_that("class weights are balanced, also for class names that are numbers", {
  skip_without_python()
  folder <- image_folder(classes = c("10", "2"), each = 3)
  unlink(file.path(folder, "2", c("02.png", "03.png")))
  flow <- small_flow(folder)
  weights <- balanced_class_weight(flow)
  expect_equal(weights, list("10" = 4 / (2 * 3), "2" = 2))
  expect_identical(
    reticulate::py_str(weight_dict(weights, flow)), "{'10': 0.6666666666666666, '2': 2.0}"
  )
  by_number <- weight_dict(list("0" = 1, "1" = 2), flow)
  expect_identical(reticulate::py_str(by_number), "{0: 1.0, 1: 2.0}")
  history <- small_model() %>% fit(flow, epochs = 1, verbose = 0, class_weight = weights)
  expect_true(is.finite(history$metrics$loss))
})

test_that("a generator without its number of batches says which argument is missing", {
  skip_without_python()
  model <- small_model()
  batches <- function() list(small_images(4), to_categorical(small_labels(4)))
  expect_error(model %>% fit(batches, verbose = 0), "steps_per_epoch.* is missing")
  expect_error(
    model %>% fit(batches, steps_per_epoch = 1, validation_data = batches, verbose = 0),
    "validation_steps.* is missing"
  )
  expect_error(model %>% evaluate(batches), "steps.* is missing")
  expect_error(predict(model, batches), "steps.* is missing")
})
