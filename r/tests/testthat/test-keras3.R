# keras3 registers its methods for the classes of Keras's modules, for the same generics as ours.
# These tests imitate such a method: it must apply to models that are not ours, and only to them.
test_that("models of keras3 keep its methods, ours keep ours", {
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
  x <- small_images()
  y <- to_categorical(small_labels())
  expect_s3_class(fit(small_model(), x, y, epochs = 1, verbose = 0), "kerastl_history")
})

test_that("our functions accept Keras models without our class", {
  skip_without_python()
  theirs <- keras()$Sequential(list(
    keras()$Input(reticulate::tuple(8L, 8L, 3L)), keras()$layers$Flatten(),
    keras()$layers$Dense(2L, activation = "softmax")
  ))
  expect_false(inherits(theirs, "kerastl_model"))
  theirs %>% compile(optimizer = "sgd", loss = "categorical_crossentropy", metrics = "accuracy")
  freeze_weights(theirs, to = 1)
  x <- small_images()
  y <- to_categorical(small_labels())
  expect_s3_class(fit(theirs, x, y, epochs = 1, verbose = 0), "kerastl_history")
  expect_named(evaluate(theirs, x, y), c("loss", "accuracy"))
  expect_identical(dim(predict(theirs, x)), c(12L, 2L))
  expect_s3_class(as_kerastl(theirs), "kerastl_model")
  expect_error(as_kerastl("model"), "must be a Keras model")
})

test_that("evaluate() passes on objects that are not models, and accepts x by name", {
  skip_without_python()
  registerS3method(
    "evaluate", "another_package", function(x, ...) "another's",
    envir = asNamespace("generics")
  )
  expect_identical(evaluate(structure(list(), class = "another_package")), "another's")
  flow <- small_flow(image_folder())
  expect_named(evaluate(small_model(), x = flow), c("loss", "accuracy"))
})

# By name, since keras3 is not a dependency.
theirs <- function(name) getExportedValue("keras3", name)

test_that("models of keras3 and kerastl work in one session", {
  skip_without_python()
  skip_if_not_installed("keras3")
  model <- theirs("keras_model_sequential")(input_shape = c(8, 8, 3))
  theirs("layer_flatten")(model)
  theirs("layer_dense")(model, 2, activation = "softmax")
  compile(model, optimizer = "sgd", loss = "categorical_crossentropy", metrics = "accuracy")
  flow <- small_flow(image_folder())
  # keras3's fit() accepts our flow, and our functions accept its model.
  expect_s3_class(generics::fit(model, flow, epochs = 1, verbose = 0), "keras_training_history")
  expect_length(evaluate(model, flow), 2)
  freeze_weights(model, to = 1)
  expect_equal(evaluate_classifier(model, flow)$predictions$filename, as.data.frame(flow)$filename)
  expect_s3_class(
    fit(as_kerastl(model), flow, epochs = 1, verbose = 0), "kerastl_history"
  )
  # Our methods still apply to our models.
  expect_s3_class(fit(small_model(), flow, epochs = 1, verbose = 0), "kerastl_history")
})
