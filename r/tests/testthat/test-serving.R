image_bytes <- function(file) readBin(file, "raw", file.size(file))

test_that("a classifier is served by plumber, and by vetiver's handlers after a round trip", {
  skip_without_python()
  folder <- image_folder()
  classifier <- suppressMessages(as_trained_classifier(small_model(), small_flow(folder)))
  image <- list_images(folder)$filename[3]
  expected <- predict(classifier, image)

  # The bytes survive a file, as vetiver pins them.
  file <- withr::local_tempfile()
  saveRDS(vetiver_methods$vetiver_prepare_model(classifier), file)
  packed <- readRDS(file)
  expect_snapshot(print(packed), transform = function(lines) sub("[0-9.]+ MB", "SIZE", lines))
  expect_match(vetiver_methods$vetiver_create_description(packed), "2 classes")
  answer <- vetiver_methods$handler_predict(list(model = packed))
  base64 <- reticulate::import("base64")$b64encode(reticulate::r_to_py(image_bytes(image)))
  body <- data.frame(image = as.character(base64$decode()))
  expect_equal(answer(list(body = body))$.pred_dog, expected$dog, tolerance = 1e-6)
  expect_error(answer(list(body = data.frame(x = 1))), "column image")
  expect_error(classify_bytes(classifier, list(as.raw(1:9))), class = "kerastl_bad_images")

  skip_if_not_installed("plumber")
  served <- withr::local_tempdir()
  api <- plumber::pr(write_plumber(classifier, served))
  post <- function(bytes, type) {
    answer <- api$call(list2env(list(
      REQUEST_METHOD = "POST", PATH_INFO = "/predict", QUERY_STRING = "", HTTP_CONTENT_TYPE = type,
      CONTENT_TYPE = type, rook.input = list(
        read = function(...) bytes, rewind = function() NULL,
        read_lines = function(...) rawToChar(bytes)
      )
    )))
    list(status = answer$status, body = jsonlite::fromJSON(answer$body))
  }
  answer <- post(image_bytes(image), "image/png")
  expect_equal(answer$status, 200)
  expect_identical(answer$body$.pred_class, as.character(expected$predicted))
  expect_equal(answer$body$.pred_cat, expected$cat, tolerance = 1e-5)
  answer <- post(charToRaw("no image"), "image/png")
  expect_equal(answer$status, 400)
  expect_match(answer$body$error, "can be read")
})
