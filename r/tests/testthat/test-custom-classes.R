test_that("an R6 layer works as in keras 2", {
  skip_without_python()
  CustomLayer <- R6::R6Class("CustomLayer",
    inherit = KerasLayer,
    public = list(
      output_dim = NULL,
      kernel = NULL,
      initialize = function(output_dim) {
        self$output_dim <- output_dim
      },
      build = function(input_shape) {
        self$kernel <- self$add_weight(
          name = "kernel",
          shape = list(input_shape[[2]], self$output_dim),
          initializer = "ones",
          trainable = TRUE
        )
      },
      call = function(x, mask = NULL) {
        keras$ops$matmul(x, self$kernel)
      },
      compute_output_shape = function(input_shape) {
        list(input_shape[[1]], self$output_dim)
      }
    )
  )
  layer_custom <- function(object, output_dim, name = NULL, trainable = TRUE) {
    create_layer(CustomLayer, object, list(
      output_dim = output_dim,
      name = name,
      trainable = trainable
    ))
  }
  model <- keras_model_sequential() %>%
    layer_dense(units = 3, input_shape = c(2)) %>%
    layer_custom(output_dim = 4, name = "mine")
  expect_identical(dim(predict(model, matrix(1, 5, 2))), c(5L, 4L))
  expect_identical(get_layer(model, "mine")$name, "mine")
  model %>% compile("sgd", "mse")
  before <- get_weights(model)[[3]]
  model %>% fit(matrix(1, 4, 2), matrix(0, 4, 4), epochs = 1, verbose = 0)
  expect_false(identical(get_weights(model)[[3]], before))
  expect_length((layer_input(2) %>% layer_custom(4))$shape, 2)
})

test_that("new_layer_class() makes a layer function with arguments by position", {
  skip_without_python()
  layer_linear <- new_layer_class(
    "Linear",
    initialize = function(units = 32, factor = 1, ...) {
      super$initialize(...)
      self$units <- units
      self$factor <- factor
    },
    build = function(input_shape) {
      self$w <- self$add_weight(
        shape = list(input_shape[[2]], self$units), initializer = "ones", trainable = TRUE
      )
      self$b <- self$add_weight(shape = list(self$units), initializer = "zeros")
    },
    call = function(inputs, training = NULL) {
      self$factor * keras$ops$matmul(inputs, self$w) + self$b
    },
    get_config = function() {
      config <- super()$get_config()
      config$units <- self$units
      config
    }
  )
  model <- keras_model_sequential(input_shape = 2) |> layer_linear(3, factor = 2, name = "first")
  model |> layer_linear(1)
  expect_equal(predict(model, matrix(1, 1, 2)), matrix(12))
  expect_equal(model$layers[[1]]$get_config()$units, 3)
  expect_output(print(layer_linear), "Linear: (object, units, factor, ...)", fixed = TRUE)
  file <- withr::local_tempfile(fileext = ".keras")
  save_model(model, file)
  loaded <- load_model(file, custom_objects = list(Linear = layer_linear))
  expect_equal(loaded$layers[[2]]$get_config()$units, 1)
})

test_that("private fields and methods of R6 layers stay in R", {
  skip_without_python()
  Scale <- R6::R6Class("Scale",
    inherit = KerasLayer,
    public = list(
      initialize = function(factor) private$factor <- factor,
      call = function(x, mask = NULL) private$scaled(x)
    ),
    private = list(factor = NULL, scaled = function(x) x * private$factor)
  )
  model <- keras_model_sequential(input_shape = 2)
  create_layer(Scale, model, list(factor = 3))
  create_layer(Scale, model, list(factor = 5))
  expect_equal(predict(model, matrix(1, 1, 2)), matrix(15, 1, 2))
})

test_that("R6 callbacks are called and keep what they see", {
  skip_without_python()
  LossHistory <- R6::R6Class("LossHistory",
    inherit = KerasCallback,
    public = list(
      losses = NULL, epochs = NULL,
      on_batch_end = function(batch, logs = list()) {
        self$losses <- c(self$losses, logs[["loss"]])
      },
      on_epoch_end = function(epoch, logs) {
        self$epochs <- c(self$epochs, epoch)
        if (epoch == 1) self$model$stop_training <- TRUE
      }
    )
  )
  history <- LossHistory$new()
  model <- small_model()
  model %>% fit(
    small_images(), to_categorical(small_labels()),
    batch_size = 6, epochs = 20, verbose = 0, callbacks = list(history)
  )
  expect_length(history$losses, 4)
  expect_identical(history$epochs, 0:1)
  expect_identical(history$params$epochs, 20L)
  expect_s3_class(history$model, "kerastl_model")
  # On flows too, alone and beside others.
  flow <- flow_images_from_data(small_images(), to_categorical(small_labels()), batch_size = 4)
  alone <- LossHistory$new()
  suppressWarnings(model %>% fit(flow, epochs = 1, verbose = 0, callbacks = alone))
  expect_length(alone$losses, 3)
})

test_that("classes of callbacks, metrics, losses and schedules are made from functions", {
  skip_without_python()
  Counter <- new_callback_class("Counter",
    on_train_begin = function(logs = NULL) self$count <- 0,
    on_epoch_end = function(epoch, logs = NULL) self$count <- self$count + 1
  )
  metric_count <- new_metric_class("Count",
    initialize = function(name = "count", ...) {
      super$initialize(name = name, ...)
      self$batches <- self$add_weight(name = "batches", initializer = "zeros")
    },
    update_state = function(y_true, y_pred, sample_weight = NULL) {
      self$batches$assign_add(1)
    },
    result = function() self$batches,
    reset_states = function() self$batches$assign(0)
  )
  loss_first <- new_loss_class("First", call = function(y_true, y_pred) (y_true - y_pred)[, 1]^2)
  Halving <- new_learning_rate_schedule_class("Halving",
    initialize = function(rate) self$rate <- rate,
    call = function(step) self$rate * 0.5^keras$ops$cast(step, "float32"),
    get_config = function() list(rate = self$rate)
  )
  counter <- Counter()
  model <- keras_model_sequential(input_shape = 2) %>% layer_dense(2)
  model %>% compile(
    optimizer = optimizer_sgd(lr = Halving(0.1)), loss = loss_first(),
    metrics = list(metric_count())
  )
  history <- model %>% fit(
    matrix(1, 6, 2), matrix(0, 6, 2),
    batch_size = 2, epochs = 3, verbose = 0, callbacks = counter
  )
  expect_identical(counter$count, 3)
  expect_equal(history$metrics$count, c(3, 3, 3))
  expect_equal(as.numeric(model$optimizer$lr), 0.1 / 2^9, tolerance = 1e-4)
})

test_that("models are made from classes and functions", {
  skip_without_python()
  MyModel <- new_model_class("MyModel",
    initialize = function(units, ...) {
      super$initialize(...)
      self$hidden <- layer_dense(units = units)
      self$out <- layer_dense(units = 1)
    },
    call = function(inputs, mask = NULL, training = FALSE) {
      inputs %>% self$hidden() %>% self$out()
    }
  )
  model <- MyModel(units = 3)
  expect_s3_class(model, "kerastl_model")
  model %>% compile("sgd", "mse")
  history <- model %>% fit(matrix(1, 4, 2), 1:4, epochs = 1, verbose = 0)
  expect_length(history$metrics$loss, 1)
  keras_model_simple <- function(num_classes, use_dp = FALSE, name = NULL) {
    keras_model_custom(name = name, function(self) {
      self$dense1 <- layer_dense(units = 4, activation = "relu")
      self$dense2 <- layer_dense(units = num_classes, activation = "softmax")
      if (use_dp) self$dp <- layer_dropout(rate = 0.5)
      function(inputs, mask = NULL, training = FALSE) {
        x <- self$dense1(inputs)
        if (use_dp) x <- self$dp(x)
        self$dense2(x)
      }
    })
  }
  model <- keras_model_simple(3, use_dp = TRUE, name = "simple")
  expect_equal(rowSums(predict(model, matrix(1, 4, 2))), rep(1, 4), tolerance = 1e-5)
  expect_identical(model$name, "simple")
})

test_that("%py_class% defines classes with fields, methods and active bindings", {
  skip_without_python()
  Power(keras$layers$Layer) %py_class% {
    "Raises to a power."
    exponent <- 2
    initialize <- function(exponent = NULL) {
      super()$`__init__`()
      if (!is.null(exponent)) self$exponent <- exponent
    }
    call <- function(inputs) inputs^self$exponent
    double %<-active% function(value) {
      if (missing(value)) 2 * self$exponent else self$exponent <- value / 2
    }
  }
  expect_equal(as.numeric(Power()(keras_array(3))), 9)
  layer <- Power(3)
  expect_equal(layer$double, 6)
  layer$double <- 2
  expect_equal(as.numeric(layer(keras_array(3))), 3)
  expect_identical(Power$`__doc__`, "Raises to a power.")
  layer_power <- create_layer_wrapper(Power, modifiers = list(exponent = as.numeric))
  model <- keras_model_sequential(input_shape = 1) %>% layer_power("3")
  expect_equal(predict(model, matrix(2, 1, 1)), matrix(8))
  Plain %py_class% {
    add <- function(x, y = 1) x + y
  }
  expect_identical(Plain()$add(2), 3)
  expect_identical(Plain()$add(y = 3, x = 2), 5)
})

test_that("R6 constraints are applied", {
  skip_without_python()
  NonNegative <- R6::R6Class("NonNegative",
    inherit = KerasConstraint,
    public = list(call = function(w) w * (w >= 0))
  )
  model <- keras_model_sequential() %>%
    layer_dense(units = 8, input_shape = 4, kernel_constraint = NonNegative$new())
  model %>% compile("sgd", "mse")
  model %>% fit(matrix(1, 4, 4), matrix(0, 4, 8), epochs = 1, verbose = 0)
  expect_true(all(get_weights(model)[[1]] >= 0))
})

test_that("metrics that are R functions keep their names", {
  skip_without_python()
  images <- small_images()
  labels <- to_categorical(small_labels())
  mean_pred <- function(y_true, y_pred) mean(y_pred)
  metric_mean_pred <- custom_metric("mean_prediction", mean_pred)
  model <- small_model(compiled = FALSE)
  names_of <- function() names(model %>% evaluate(images, labels))
  model %>% compile(
    loss = "categorical_crossentropy", optimizer = "sgd", metrics = c("accuracy", mean_pred)
  )
  expect_setequal(names_of(), c("loss", "accuracy", "mean_pred"))
  model %>% compile("sgd", "categorical_crossentropy", metrics = mean_pred)
  expect_identical(names_of(), c("loss", "mean_pred"))
  model %>% compile("sgd", "categorical_crossentropy", metrics = metric_mean_pred)
  expect_identical(names_of(), c("loss", "mean_prediction"))
  model %>% compile("sgd", "categorical_crossentropy", metrics = list(spread = mean_pred, "mae"))
  expect_setequal(names_of(), c("loss", "spread", "mae"))
  expect_error(custom_metric("a", "b"), "must be a function")
})
