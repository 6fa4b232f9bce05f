test_that("images are loaded as arrays", {
  skip_without_python()
  folder <- image_folder()
  file <- file.path(folder, "cat", "01.png")
  image <- image_load(file, target_size = c(4, 6)) %>% image_to_array()
  expect_identical(dim(image), c(4L, 6L, 3L))
  expect_identical(dim(image_to_array(image_load(file, grayscale = TRUE))), c(8L, 8L, 1L))
  first <- image_to_array(image_load(file), "channels_first")
  expect_identical(dim(first), c(3L, 8L, 8L))
  expect_error(image_to_array("cell.png"), "`img` must be")
  expect_identical(dim(array_reshape(image, c(1, dim(image)))), c(1L, 4L, 6L, 3L))
})

test_that("images are scaled for ImageNet in a copy", {
  skip_without_python()
  x <- array(c(255, 0, 10), c(1, 1, 1, 3))
  y <- imagenet_preprocess_input(x)
  expect_equal(as.numeric(y), c(10 - 103.939, 0 - 116.779, 255 - 123.68), tolerance = 1e-5)
  expect_identical(as.numeric(x), c(255, 0, 10))
  expect_equal(as.numeric(imagenet_preprocess_input(x, mode = "tf")), x[1, 1, 1, ] / 127.5 - 1,
    tolerance = 1e-5
  )
})

test_that("labels are one-hot encoded", {
  skip_without_python()
  expect_equal(to_categorical(c(0, 2)), rbind(c(1, 0, 0), c(0, 0, 1)))
  expect_identical(dim(to_categorical(c(0, 1), num_classes = 5)), c(2L, 5L))
  named <- to_categorical(factor(c("dog", "cat"), levels = c("cat", "dog", "owl")))
  expect_identical(colnames(named), c("cat", "dog", "owl"))
  expect_equal(unname(named), rbind(c(0, 1, 0), c(1, 0, 0)))
  expect_identical(storage.mode(to_categorical(c(0, 1), dtype = "int32")), "integer")
  expect_error(to_categorical(factor(c("a", NA))), "missing")
  expect_error(to_categorical(c("a", "b")), "factor(y)", fixed = TRUE)
})
