test_that("the Viewer's page reads a file that grows by an epoch", {
  folder <- file.path(withr::local_tempdir(), "page")
  page <- metrics_page(3, folder)
  expect_true(file.exists(page$file))
  expect_match(readLines(file.path(folder, "metrics.js")), "\"epochs\": 3, \"metrics\": \\{\\}")
  page$add(list(loss = 0.5, val_loss = NaN))
  page$add(list(loss = 0.25, val_loss = 0.75))
  text <- readLines(file.path(folder, "metrics.js"))
  skip_if_not_installed("jsonlite")
  state <- jsonlite::fromJSON(sub(");$", "", sub("^showMetrics\\(", "", text)))
  expect_equal(state$metrics$loss, c(0.5, 0.25))
  expect_equal(state$metrics$val_loss, c(NA, 0.75))
})

test_that("it is shown on request, and by itself only where there is a Viewer", {
  skip_without_python()
  shown <- NULL
  withr::local_options(viewer = function(url) shown <<- url)
  watcher <- metrics_watcher(TRUE, 2)
  expect_length(watcher, 1)
  expect_true(file.exists(shown))
  expect_null(metrics_watcher(FALSE, 2))
  expect_null(metrics_watcher("auto", 2)) # tests are not interactive
})

test_that("a knitted document gets one line an epoch", {
  withr::local_options(knitr.in.progress = TRUE, keras.fit_verbose = NULL)
  expect_equal(default_verbose(), 2)
  withr::local_options(knitr.in.progress = NULL)
  expect_equal(default_verbose(), 1)
  withr::local_options(keras.fit_verbose = 0)
  expect_equal(default_verbose(), 0)
})
