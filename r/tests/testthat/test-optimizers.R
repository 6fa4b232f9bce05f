test_that("lr and decay have the meaning of Keras 2", {
  skip_without_python()
  optimizer <- optimizer_rmsprop(lr = 1e-3, decay = 0.5)
  config <- reticulate::py_to_r(optimizer$get_config())
  schedule <- config$learning_rate$config
  expect_equal(schedule$initial_learning_rate, 1e-3)
  expect_equal(schedule$decay_rate, 0.5)
  expect_equal(schedule$decay_steps, 1)
  plain <- reticulate::py_to_r(optimizer_adam(lr = 1e-4)$get_config())
  expect_equal(plain$learning_rate, 1e-4, tolerance = 1e-6)
  modern <- reticulate::py_to_r(optimizer_sgd(learning_rate = 0.5, momentum = 0.9)$get_config())
  expect_equal(modern$learning_rate, 0.5)
  expect_equal(modern$momentum, 0.9, tolerance = 1e-6)
})

test_that("all optimizers have the defaults of Keras 2", {
  skip_without_python()
  makers <- list(
    optimizer_rmsprop, optimizer_adam, optimizer_sgd, optimizer_adagrad, optimizer_adadelta,
    optimizer_adamax, optimizer_nadam
  )
  for (make in makers) {
    optimizer <- make()
    expect_equal(
      reticulate::py_to_r(optimizer$get_config())$learning_rate, eval(formals(make)$lr),
      tolerance = 1e-6
    )
  }
})

test_that("errors from Python keep their message", {
  skip_without_python()
  expect_error(optimizer_adam(momentum = 1), "momentum")
})
