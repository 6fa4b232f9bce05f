test_that("a classifier is shown in HTML documents, and on a page of its own", {
  skip_without_python()
  flow <- small_flow(image_folder())
  model <- keras_model_sequential(input_shape = c(8, 8, 3)) |>
    layer_flatten() |>
    layer_dense(2, activation = "softmax")
  classifier <- as_trained_classifier(model, flow)

  if (rlang::is_installed("knitr")) {
    withr::with_options(list(knitr.in.progress = TRUE), {
      knitr::opts_knit$set(rmarkdown.pandoc.to = "html")
      shown <- knitr::knit_print(classifier)
      knitr::opts_knit$set(rmarkdown.pandoc.to = "latex")
      expect_output(knitr::knit_print(classifier), "classifier for images")
      knitr::opts_knit$set(rmarkdown.pandoc.to = NULL)
    })
    expect_s3_class(shown, "knit_asis")
    expect_match(shown, "<b>Classifier</b>.*cat, dog")
  }

  expect_error(run_app(model), "must be a classifier")
  skip_if_not(reticulate::py_module_available("fastapi"), "FastAPI is not installed")
  address <- run_app(classifier, launch_browser = FALSE)
  withr::defer(stop_app())
  expect_match(address, "^http://127.0.0.1:[0-9]+/$")
  expect_match(readLines(paste0(address, "classifier"), warn = FALSE), '"cat","dog"')
  stop_app()
  expect_error(suppressWarnings(readLines(address)))
})
