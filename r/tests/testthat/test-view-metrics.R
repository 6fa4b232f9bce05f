test_that("the Viewer's page reads a file with the metrics of all epochs", {
  folder <- file.path(withr::local_tempdir(), "page")
  page <- metrics_page(3, folder)
  expect_true(file.exists(page$file))
  expect_match(
    readLines(file.path(folder, "metrics.js")),
    "\"epochs\": 3, \"finished\": false, \"metrics\": \\{\\}"
  )
  page$add(list(loss = 0.5, val_loss = NaN))
  page$add(list(loss = 0.25, val_loss = 0.75))
  text <- readLines(file.path(folder, "metrics.js"))
  skip_if_not_installed("jsonlite")
  state <- jsonlite::fromJSON(sub(");$", "", sub("^showMetrics\\(", "", text)))
  expect_equal(state$metrics$loss, c(0.5, 0.25))
  expect_equal(state$metrics$val_loss, c(NA, 0.75))
  page$finish()
  expect_match(readLines(file.path(folder, "metrics.js")), "\"finished\": true")
})

test_that("the page is shown on request or in interactive sessions with a Viewer", {
  skip_without_python()
  shown <- NULL
  withr::local_options(viewer = function(url) shown <<- url)
  callback <- metrics_callback(TRUE, 2)
  expect_length(callback, 1)
  expect_true(file.exists(shown))
  expect_null(metrics_callback(FALSE, 2))
  expect_null(metrics_callback("auto", 2)) # tests are not interactive
  # A training in two phases ends with the second.
  callback <- metrics_callback(TRUE, 2, trainings = 2)[[1]]
  numbers <- file.path(dirname(shown), "metrics.js")
  callback$on_train_end(NULL)
  expect_match(readLines(numbers), "\"finished\": false")
  callback$on_train_end(NULL)
  expect_match(readLines(numbers), "\"finished\": true")
})

test_that("the default in knitr documents is one line per epoch", {
  withr::local_options(knitr.in.progress = TRUE, keras.fit_verbose = NULL)
  expect_equal(default_verbose(), 2)
  withr::local_options(knitr.in.progress = NULL)
  expect_equal(default_verbose(), 1)
  withr::local_options(keras.fit_verbose = 0)
  expect_equal(default_verbose(), 0)
})
