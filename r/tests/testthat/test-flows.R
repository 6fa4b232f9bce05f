test_that("a flow from folders has the properties of Keras's iterators, and prints", {
  skip_without_python()
  flow <- small_flow(image_folder())
  expect_identical(flow$n, 10L)
  expect_identical(flow$batch_size, 4L)
  expect_identical(flow$class_indices, list(cat = 0L, dog = 1L))
  expect_length(flow$filenames, 10)
  expect_identical(as.integer(flow$classes), rep(0:1, each = 5))
  expect_identical(length(flow), 3L)
  expect_snapshot({
    flow
    as.data.frame(summary(flow))
  })
  table <- as.data.frame(flow)
  expect_identical(levels(table$class), c("cat", "dog"))
  expect_true(all(file.exists(table$filename)))
})

test_that("generator_next() returns images and labels, reproducible by seed", {
  skip_without_python()
  folder <- image_folder()
  batch <- generator_next(small_flow(folder))
  expect_length(batch, 2)
  expect_identical(dim(batch[[1]]), c(4L, 8L, 8L, 3L))
  expect_identical(dim(batch[[2]]), c(4L, 2L))
  expect_true(all(batch[[1]] >= 0 & batch[[1]] <= 1))
  expect_identical(generator_next(small_flow(folder)), batch)
  expect_false(identical(generator_next(small_flow(folder, seed = 2)), batch))
  alone <- generator_next(small_flow(folder, class_mode = NULL))
  expect_identical(dim(alone), c(4L, 8L, 8L, 3L))
})

test_that("a flow from shards has the batches of the folder that was packed", {
  skip_without_python()
  folder <- image_folder()
  shards <- pack_images(folder, file.path(withr::local_tempdir(), "shards"))
  flow <- flow_images_from_shards(
    shards, image_data_generator(rescale = 1 / 255), target_size = c(8, 8), batch_size = 4,
    seed = 1
  )
  expect_identical(flow$class_indices, list(cat = 0L, dog = 1L))
  expect_identical(generator_next(flow), generator_next(small_flow(folder)))
  expect_identical(list_images(shards)$class, list_images(folder)$class)
  several <- flow_images_from_shards(Sys.glob(file.path(shards, "*.tar")))
  expect_identical(several$n, 10L)
})

test_that("flows of arrays, with weights and without labels", {
  skip_without_python()
  x <- small_images()
  flow <- flow_images_from_data(x, to_categorical(small_labels()), shuffle = FALSE, batch_size = 5)
  batch <- generator_next(flow)
  expect_equal(batch[[1]], x[1:5, , , ], tolerance = 1e-6)
  weighted <- flow_images_from_data(
    x, small_labels(), sample_weight = rep(c(1, 2), 6), shuffle = FALSE, batch_size = 3
  )
  expect_equal(as.numeric(generator_next(weighted)[[3]]), c(1, 2, 1))
  bare <- generator_next(flow_images_from_data(x, shuffle = FALSE, batch_size = 2))
  expect_identical(dim(bare), c(2L, 8L, 8L, 3L))
})

test_that("flows from data frames: factors, several columns, relative names", {
  skip_without_python()
  folder <- image_folder()
  table <- list_images(folder)
  expect_s3_class(table$class, "factor")
  flow <- flow_images_from_dataframe(table, target_size = c(8, 8), batch_size = 2, shuffle = FALSE)
  expect_identical(flow$class_indices, list(cat = 0L, dog = 1L))
  relative <- data.frame(
    name = file.path(table$class, basename(table$filename)), a = seq_len(10), b = 0.5
  )
  raw <- flow_images_from_dataframe(
    relative, folder, x_col = "name", y_col = c("a", "b"), class_mode = "raw",
    target_size = c(8, 8), batch_size = 2, shuffle = FALSE
  )
  expect_equal(generator_next(raw)[[2]], cbind(c(1, 2), 0.5))
  several <- flow_images_from_dataframe(
    relative, folder, x_col = "name", y_col = c("a", "b"), class_mode = "multi_output",
    target_size = c(8, 8), batch_size = 2, shuffle = FALSE
  )
  expect_length(generator_next(several)[[2]], 2)
})

test_that("subsets and options that Keras does not have", {
  skip_without_python()
  folder <- image_folder()
  settings <- image_data_generator(validation_split = 0.4)
  part <- function(subset) {
    flow_images_from_directory(folder, settings, target_size = c(8, 8), subset = subset)$n
  }
  expect_identical(c(part("training"), part("validation")), c(6L, 4L))
  writeLines("not an image", file.path(folder, "cat", "bad.png"))
  flow <- flow_images_from_directory(folder, target_size = c(8, 8), on_bad = "skip")
  expect_identical(flow$n, 10L)
  expect_match(bad_files(flow)$filename, "bad.png")
  expect_error(
    flow_images_from_directory(folder, target_size = c(8, 8), check = "all"), "bad.png"
  )
})

test_that("fit_image_data_generator() computes statistics", {
  skip_without_python()
  x <- small_images()
  settings <- image_data_generator(featurewise_center = TRUE)
  returned <- withVisible(settings %>% fit_image_data_generator(x))
  expect_false(returned$visible)
  flow <- flow_images_from_data(x, generator = settings, batch_size = 12, shuffle = FALSE)
  expect_lt(max(abs(apply(generator_next(flow), 4, mean))), 1e-3)
  expect_no_error(settings %>% fit(x))
})

test_that("an R function preprocesses each image, with a warning", {
  skip_without_python()
  folder <- image_folder()
  expect_warning(
    settings <- image_data_generator(preprocessing_function = function(x) {
      stopifnot(identical(dim(x), c(8L, 8L, 3L)))
      x / 255
    }),
    "main thread"
  )
  flow <- flow_images_from_directory(
    folder, settings, target_size = c(8, 8), batch_size = 4, seed = 1
  )
  expect_true(flow$main_thread_only)
  expect_equal(generator_next(flow), generator_next(small_flow(folder)), tolerance = 1e-6)
})

test_that("common mistakes get an answer", {
  skip_without_python()
  folder <- image_folder()
  settings <- image_data_generator()
  expect_snapshot(error = TRUE, {
    generator_next(settings)
    flow_images_from_directory("somewhere", "settings")
    flow_images_from_data(small_images(), factor(small_labels()))
    flow_images_from_directory(folder, settings, batch_size = 2.5)
  })
  expect_error(flow_images_from_directory("~/no-such-folder-at-all"), "no-such-folder-at-all")
  # A folder of images without class folders: no images, as in Keras.
  expect_identical(flow_images_from_directory(file.path(folder, "cat"))$n, 0L)
})

test_that("folders are found by ~, backslashes and accents", {
  skip_without_python()
  folder <- image_folder()
  accented <- file.path(folder, "d\u00e9p\u00f4t")
  dir.create(accented)
  file.copy(file.path(folder, c("cat", "dog")), accented, recursive = TRUE)
  expect_identical(small_flow(gsub("/", "\\", accented, fixed = TRUE))$n, 10L)
  withr::local_envvar(HOME = folder)
  skip_if_not(identical(path.expand("~"), folder), "this R does not read HOME")
  expect_identical(small_flow("~/d\u00e9p\u00f4t")$n, 10L)
})

test_that("plot() shows the next images", {
  skip_without_python()
  flow <- small_flow(image_folder())
  expect_gt(plot_size(plot(flow, n = 4)), 3000)
})

test_that("drop_duplicates is accepted and has no effect", {
  skip_without_python()
  withr::local_options(lifecycle_verbosity = "warning")
  table <- list_images(image_folder())
  expect_warning(
    flow_images_from_dataframe(table, target_size = c(8, 8), drop_duplicates = TRUE),
    "no effect"
  )
})
