# keras3 hangs its methods on Keras's module paths, for the same generics as ours. A method of
# that kind stands in for it here: it must keep what is not ours, and only that.
test_that("models of keras3 keep keras3's methods, ours keep ours", {
  skip_without_python()
  registerS3method(
    "fit", "keras.src.models.model.Model", function(object, ...) "keras3's",
    envir = asNamespace("generics")
  )
  withr::defer(rm(
    "fit.keras.src.models.model.Model",
    envir = get(".__S3MethodsTable__.", envir = asNamespace("generics"))
  ))
  theirs <- keras()$Sequential()
  expect_identical(fit(theirs), "keras3's")
  expect_identical(generics::fit, kerastl::fit)
  x <- small_pictures()
  y <- to_categorical(small_labels())
  expect_s3_class(fit(small_model(), x, y, epochs = 1, verbose = 0), "kerastl_history")
})

test_that("a model that is not marked as ours is taken by our functions", {
  skip_without_python()
  theirs <- keras()$Sequential(list(
    keras()$Input(reticulate::tuple(8L, 8L, 3L)), keras()$layers$Flatten(),
    keras()$layers$Dense(2L, activation = "softmax")
  ))
  expect_false(inherits(theirs, "kerastl_model"))
  theirs %>% compile(optimizer = "sgd", loss = "categorical_crossentropy", metrics = "accuracy")
  freeze_weights(theirs, to = 1)
  x <- small_pictures()
  y <- to_categorical(small_labels())
  expect_s3_class(fit(theirs, x, y, epochs = 1, verbose = 0), "kerastl_history")
  expect_named(evaluate(theirs, x, y), c("loss", "accuracy"))
  expect_identical(dim(predict(theirs, x)), c(12L, 2L))
  expect_s3_class(as_kerastl(theirs), "kerastl_model")
  expect_error(as_kerastl("model"), "must be a Keras model")
})

test_that("evaluate() leaves to others what is no model, and takes pictures by name", {
  skip_without_python()
  registerS3method(
    "evaluate", "another_package", function(x, ...) "another's",
    envir = asNamespace("generics")
  )
  expect_identical(evaluate(structure(list(), class = "another_package")), "another's")
  flow <- small_flow(picture_folder())
  expect_named(evaluate(small_model(), x = flow), c("loss", "accuracy"))
})

# By name, since keras3 is no package that ours asks for.
theirs <- function(name) getExportedValue("keras3", name)

test_that("keras3's own models and ours, beside each other", {
  skip_without_python()
  skip_if_not_installed("keras3")
  model <- theirs("keras_model_sequential")(input_shape = c(8, 8, 3))
  theirs("layer_flatten")(model)
  theirs("layer_dense")(model, 2, activation = "softmax")
  compile(model, optimizer = "sgd", loss = "categorical_crossentropy", metrics = "accuracy")
  flow <- small_flow(picture_folder())
  # keras3's fit() takes our flow, our functions its model.
  expect_s3_class(generics::fit(model, flow, epochs = 1, verbose = 0), "keras_training_history")
  expect_length(evaluate(model, flow), 2)
  freeze_weights(model, to = 1)
  expect_equal(evaluate_classifier(model, flow)$predictions$file, as.data.frame(flow)$file)
  expect_s3_class(
    fit(as_kerastl(model), flow, epochs = 1, verbose = 0), "kerastl_history"
  )
  # And neither changes what the other does with its own.
  expect_s3_class(fit(small_model(), flow, epochs = 1, verbose = 0), "kerastl_history")
})
