trains <- function(model) vapply(model$layers, function(layer) layer$trainable, NA)

test_that("from and to set every other layer to the opposite state", {
  skip_without_python()
  model <- small_model(compiled = FALSE)
  returned <- withVisible(freeze_weights(model))
  expect_false(returned$visible)
  expect_identical(trains(model), c(FALSE, FALSE, FALSE))
  unfreeze_weights(model, from = "flat")
  expect_identical(trains(model), c(FALSE, TRUE, TRUE))
  freeze_weights(model, from = "flat")
  expect_identical(trains(model), c(TRUE, FALSE, FALSE))
  freeze_weights(model, to = 2)
  expect_identical(trains(model), c(FALSE, FALSE, TRUE))
  unfreeze_weights(model, from = -1)
  expect_identical(trains(model), c(FALSE, FALSE, TRUE))
  unfreeze_weights(model)
  expect_identical(trains(model), c(TRUE, TRUE, TRUE))
})

test_that("which accepts names, indices, logicals, functions and layers", {
  skip_without_python()
  model <- small_model(compiled = FALSE)
  freeze_weights(model, which = c(1, 3))
  expect_identical(trains(model), c(FALSE, TRUE, FALSE))
  freeze_weights(model, which = "conv")
  expect_identical(trains(model), c(FALSE, TRUE, TRUE))
  freeze_weights(model, which = c(FALSE, FALSE, TRUE))
  expect_identical(trains(model), c(TRUE, TRUE, FALSE))
  freeze_weights(model, which = function(layer) layer$name == "flat")
  expect_identical(trains(model), c(TRUE, FALSE, TRUE))
  freeze_weights(model, which = list(get_layer(model, "out")))
  expect_identical(trains(model), c(TRUE, TRUE, FALSE))
})

test_that("layers of a nested backbone are found", {
  skip_without_python()
  base <- application_vgg16(weights = NULL, include_top = FALSE, input_shape = c(32, 32, 3))
  model <- keras_model_sequential() %>% base %>% layer_flatten() %>% layer_dense(2)
  unfreeze_weights(model, from = "block5_conv1")
  expect_length(model$trainable_weights, 2 * 3 + 2)
})

test_that("index 0 and unknown names are rejected", {
  skip_without_python()
  model <- small_model(compiled = FALSE)
  expect_snapshot(error = TRUE, {
    freeze_weights(model, from = 0)
    freeze_weights(model, which = c(1, 0))
    freeze_weights("model")
  })
  expect_error(freeze_weights(model, from = "nose"), "nose")
})

test_that("a single layer is frozen", {
  skip_without_python()
  model <- keras_model_sequential() %>% layer_embedding(5, 2, input_length = 3) %>% layer_flatten()
  words <- matrix(runif(10), 5)
  get_layer(model, index = 1) %>%
    set_weights(list(words)) %>%
    freeze_weights()
  expect_identical(trains(model), c(FALSE, TRUE))
  expect_equal(get_weights(model)[[1]], words, tolerance = 1e-6, ignore_attr = TRUE)
  unfreeze_weights(model$layers[[1]])
  expect_identical(trains(model), c(TRUE, TRUE))
})
