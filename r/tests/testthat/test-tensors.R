numbers <- function() keras_array(matrix(1:6, 2), dtype = "int32")

test_that("indices of tensors start at 1", {
  skip_without_python()
  x <- numbers()
  array <- matrix(1:6, 2)
  expect_equal(as.array(x[, 1]), as.array(array[, 1]))
  expect_equal(as.array(x[2, ]), as.array(array[2, ]))
  expect_equal(as.array(x[2]), as.array(array[2, ]))
  expect_equal(as.array(x[, 2:3]), array[, 2:3])
  expect_equal(as.array(x[, c(1, 3)]), array[, c(1, 3)])
  expect_equal(as.array(x[, 3:1]), array[, 3:1])
  expect_equal(as.array(x[, 1, drop = FALSE]), array[, 1, drop = FALSE])
  expect_equal(as.array(x[c(FALSE, TRUE), ]), array[2, , drop = FALSE])
  expect_equal(as.numeric(x[-1, -1]), 6)
  expect_equal(as.numeric(x[[1]]), c(1, 3, 5))
  expect_identical(dim(x[, NULL, ]), c(2L, 1L, 3L))
  expect_error(x[0, ], "start at 1")
  expect_error(x[3, ], "no element 3")
  expect_error(x[1, 1, 1], "no dimension 3")
})

test_that("tensors are numbers to R", {
  skip_without_python()
  x <- numbers()
  array <- matrix(1:6, 2)
  expect_identical(dim(x), c(2L, 3L))
  expect_identical(length(x), 6L)
  expect_identical(nrow(x), 2L)
  expect_equal(as.numeric(x), as.numeric(array))
  expect_equal(as.matrix(x), array)
  expect_identical(as.integer(sum(x)), 21L)
  expect_equal(as.numeric(mean(x)), 3.5)
  expect_equal(as.numeric(max(x) - min(x)), 5)
  expect_equal(as.array(x + 1), array + 1)
  expect_equal(as.array(1 / x), 1 / array, tolerance = 1e-6)
  expect_equal(as.array(x * array), array * array)
  expect_equal(as.array(-x %% 2 + x %/% 2), -array %% 2 + array %/% 2)
  expect_equal(as.array(x^2), array^2)
  expect_equal(as.array(x > 2 & x != 4), array > 2 & array != 4)
  expect_equal(as.array(!(x <= 2)), array > 2)
  expect_equal(as.array(exp(x)), exp(array), tolerance = 1e-6)
  expect_equal(as.array(log(x, 2)), log2(array), tolerance = 1e-6)
  expect_equal(as.array(round(x / 3, 1)), round(array / 3, 1), tolerance = 1e-6)
  expect_equal(as.array(t(x)), t(array))
  # The type of the tensor stays.
  expect_identical(keras$backend$standardize_dtype((x + 1)$dtype), "int32")
  expect_identical(keras$backend$standardize_dtype((keras_array(1) * c(1, 2))$dtype), "float32")
  expect_error(range(x), "not available")
  expect_error(gamma(x), "not available")
})

test_that("symbolic tensors are indexed and computed with", {
  skip_without_python()
  x <- layer_input(c(8, 8, 3))
  expect_identical(dim(x), c(NA, 8L, 8L, 3L))
  expect_identical(dim(x[, , , 1]), c(NA, 8L, 8L))
  expect_identical(dim((x * 2 + 1)[, 1:4, , 2:3]), c(NA, 4L, 8L, 2L))
  expect_error(as.array(x), "no values yet")
})

test_that("a custom loss takes the first column by 1", {
  skip_without_python()
  images <- small_images() / 255
  labels <- cbind(rep(3, 12), 100)
  first_column <- function(y_true, y_pred) (y_true[, 1] - y_pred[, 1])^2
  model <- small_model(compiled = FALSE)
  for (eager in c(FALSE, TRUE)) {
    model %>% compile(
      optimizer = "sgd", loss = first_column, metrics = c("mae", first_column), run_eagerly = eager
    )
    expect_equal(
      (model %>% evaluate(images, labels))[["first_column"]],
      mean((3 - predict(model, images)[, 1])^2),
      tolerance = 1e-5
    )
  }
})

test_that("several outputs of a called model are an R list", {
  skip_without_python()
  x <- layer_input(2)
  model <- keras_model(x, list(x * 2, x * 3))
  outputs <- model(keras_array(matrix(1, 1, 2)))
  expect_type(outputs, "list")
  expect_equal(as.numeric(outputs[[1]]), c(2, 2))
  symbolic <- layer_input(2) %>% model()
  expect_length(symbolic, 2)
  predictions <- predict(model, matrix(1, 1, 2))
  expect_equal(predictions[[2]], matrix(3, 1, 2))
})

test_that("learning rates are read and set as lr", {
  skip_without_python()
  model <- small_model()
  expect_equal(as.numeric(model$optimizer$lr), 0.1, tolerance = 1e-6)
  model$optimizer$lr$assign(0.5)
  expect_equal(as.numeric(model$optimizer$lr), 0.5)
  model$optimizer$lr <- 0.25
  expect_equal(as.numeric(model$optimizer$learning_rate), 0.25)
})

test_that("k_function() and k_gradients() compute a class activation map", {
  skip_without_python()
  model <- small_model()
  output <- model$output[, 2]
  last_conv_layer <- model %>% get_layer("conv")
  grads <- k_gradients(output, last_conv_layer$output)[[1]]
  pooled_grads <- keras$ops$mean(grads, axis = c(0L, 1L, 2L))
  iterate <- k_function(list(model$input), list(pooled_grads, last_conv_layer$output[1, , , ]))
  values <- iterate(list(small_images(1)))
  expect_type(values, "list")
  expect_length(values[[1]], 4)
  expect_identical(dim(values[[2]]), c(6L, 6L, 4L))
  # The gradient of the input, for pictures of what a filter responds to.
  loss <- mean(last_conv_layer$output[, , , c(1, 3, 4)])
  grads <- k_gradients(loss, model$input)[[1]]
  grads <- grads / (sqrt(mean(grads^2)) + 1e-5)
  values <- k_function(list(model$input), list(loss, grads))(list(small_images(1)))
  expect_identical(dim(values[[2]]), c(1L, 8L, 8L, 3L))
  expect_equal(sqrt(mean(values[[2]]^2)), 1, tolerance = 1e-2)
  single <- k_function(model$input, model$output)
  expect_equal(single(small_images(2)), predict(model, small_images(2)), tolerance = 1e-5)
  expect_error(k_gradients(keras_array(1), model$input), "^Expected symbolic tensors")
})
