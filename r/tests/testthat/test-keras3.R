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

# keras3 and tensorflow have methods for the classes of tensors, which come before ours.
test_that("methods of other packages for tensors come before ours", {
  skip_without_python()
  x <- keras_array(matrix(1:6, 2))
  theirs <- class(x)[1]
  expect_false(identical(theirs, "kerastl_tensor"))
  registerS3method("[", theirs, function(x, ...) "theirs", envir = baseenv())
  withr::defer(rm(list = paste0("[.", theirs), envir = get(".__S3MethodsTable__.", baseenv())))
  expect_identical(x[, 1], "theirs")
  expect_equal(as.array(x + 1), matrix(1:6, 2) + 1)
})

test_that("our methods are for our classes, or for what no other package has a method for", {
  methods <- parseNamespaceFile("kerastl", dirname(system.file(package = "kerastl")))$S3methods
  ours <- grepl("^kerastl_", methods[, 2]) | methods[, 2] %in% c("default", "python.builtin.object")
  expect_identical(methods[!ours, 2], character())
  # Of the methods for all of Python's objects, those for generics that keras3 shares.
  shared <- methods[methods[, 2] == "python.builtin.object", 1]
  expect_setequal(shared, c("compile", "fit", "evaluate", "predict"))
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

test_that("tensors, layers and models of keras3 and kerastl go together", {
  skip_without_python()
  skip_if_not_installed("keras3")
  inputs <- theirs("layer_input")(shape = c(8, 8, 3))
  outputs <- inputs %>% layer_conv_2d(4, 3) %>% theirs("layer_flatten")() %>% layer_dense(2)
  expect_identical(dim(outputs[, 1]), NA_integer_)
  model <- theirs("keras_model")(inputs, outputs)
  expect_equal(
    predict(as_kerastl(model), small_images()), stats::predict(model, small_images()),
    tolerance = 1e-6
  )
  ours <- small_model()
  expect_identical(dim(stats::predict(ours, small_images())), c(12L, 2L))
  expect_s3_class(summary(ours), "kerastl_model")
})

test_that("the order in which the packages are attached does not matter", {
  skip_without_python()
  skip_if_not_installed("keras3")
  rscript <- file.path(R.home("bin"), "Rscript")
  libraries <- paste(.libPaths(), collapse = .Platform$path.sep)
  code <- paste(
    "model <- kerastl::keras_model_sequential(input_shape = 2) |> kerastl::layer_dense(1);",
    "kerastl::compile(model, 'sgd', 'mse');",
    "history <- fit(model, matrix(1, 2, 2), c(1, 2), epochs = 1, verbose = 0);",
    "cat(class(history)[1])"
  )
  for (packages in list(c("keras3", "kerastl"), c("kerastl", "keras3"))) {
    attach <- paste(sprintf("suppressMessages(library(%s));", packages), collapse = " ")
    output <- system2(rscript, c("-e", shQuote(paste(attach, code))),
      stdout = TRUE, stderr = FALSE, env = paste0("R_LIBS=", libraries)
    )
    expect_identical(utils::tail(output, 1), "kerastl_history")
  }
})
