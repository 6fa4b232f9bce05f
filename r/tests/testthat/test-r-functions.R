test_that("no call waits for ever for an R function", {
  skip_without_python()
  rscript <- file.path(R.home("bin"), "Rscript")
  libraries <- paste(.libPaths(), collapse = .Platform$path.sep)
  output <- suppressWarnings(system2(
    rscript, shQuote(test_path("scripts", "r-functions.R")),
    stdout = TRUE, stderr = TRUE, timeout = 400, env = paste0("R_LIBS=", libraries)
  ))
  expect_identical(utils::tail(output, 1), "done", info = paste(output, collapse = "\n"))
})

test_that("a generator is an R function that returns a batch", {
  skip_without_python()
  images <- small_images()
  labels <- to_categorical(small_labels())
  sampling_generator <- function(x, y, batch_size) {
    function() {
      rows <- sample(nrow(y), batch_size, replace = TRUE)
      list(x[rows, , , ] / 255, y[rows, ])
    }
  }
  model <- small_model()
  history <- model %>% fit(
    sampling_generator(images, labels, 4),
    steps_per_epoch = 3, epochs = 2,
    validation_data = sampling_generator(images, labels, 2), validation_steps = 2,
    verbose = 0,
  )
  expect_named(history$metrics, c("loss", "accuracy", "val_loss", "val_accuracy"))
  withr::local_options(lifecycle_verbosity = "quiet")
  generator <- function() list(images[1:4, , , ], labels[1:4, ], rep(1, 4))
  history <- model %>% fit_generator(generator, steps_per_epoch = 2, epochs = 1, verbose = 0)
  expect_length(history$metrics$loss, 1)
  expect_equal(
    model |> evaluate(generator, steps = 1), model |> evaluate(images[1:4, , , ], labels[1:4, ]),
    tolerance = 1e-5
  )
  expect_equal(
    model %>% predict_generator(function() images[1:4, , , ], steps = 2),
    rbind(predict(model, images[1:4, , , ]), predict(model, images[1:4, , , ])),
    tolerance = 1e-5
  )
})

test_that("a generator for several inputs and outputs returns lists", {
  skip_without_python()
  a <- layer_input(2, name = "a")
  b <- layer_input(3, name = "b")
  joined <- layer_concatenate(list(a, b))
  model <- keras_model(list(a, b), list(
    joined %>% layer_dense(1, name = "one"), joined %>% layer_dense(2, name = "two")
  ))
  model %>% compile("sgd", loss = list("mse", "mae"), loss_weights = c(1, 0.5))
  generator <- function() {
    list(list(matrix(1, 4, 2), matrix(1, 4, 3)), list(rep(1, 4), matrix(0, 4, 2)))
  }
  history <- model %>% fit(generator, steps_per_epoch = 2, epochs = 1, verbose = 0)
  expect_true(is.finite(history$metrics$loss))
})

test_that("what a generator does wrong is said", {
  skip_without_python()
  model <- small_model()
  images <- small_images(4)
  expect_error(
    model %>% fit(function() NULL, steps_per_epoch = 2, epochs = 1, verbose = 0),
    "^The generator ended after 0 batches"
  )
  expect_error(model %>% fit(function() list(images), epochs = 1), "steps_per_epoch")
  expect_error(model %>% predict(function() images), "steps")
  expect_error(
    model %>% fit(function() stop("no file"), steps_per_epoch = 2, epochs = 1, verbose = 0),
    "no file"
  )
})

test_that("preprocessing by imagenet_preprocess_input runs in Python", {
  skip_without_python()
  images <- small_images(3)
  functions <- list(
    imagenet_preprocess_input,
    function(x) imagenet_preprocess_input(x),
    function(img) {
      imagenet_preprocess_input(img, mode = "caffe")
    }
  )
  for (f in functions) {
    expect_no_warning(generator <- image_data_generator(preprocessing_function = f))
    batch <- generator_next(flow_images_from_data(images, NULL, generator, shuffle = FALSE))
    expect_equal(batch, imagenet_preprocess_input(images), tolerance = 1e-5)
  }
  expect_warning(
    image_data_generator(preprocessing_function = function(x) imagenet_preprocess_input(x / 2)),
    "main thread"
  )
})
