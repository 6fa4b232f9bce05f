test_that("whole-valued doubles become integers, other values are rejected", {
  expect_identical(whole_number(32), 32L)
  expect_null(whole_number(NULL))
  filters <- 1.5
  expect_snapshot(error = TRUE, {
    whole_number(filters)
    whole_number(c(1, 2), "units")
    whole_number("8", "batch_size")
    whole_number(NA_real_, "seed")
  })
})

test_that("whole-valued settings become integers, at any depth", {
  expect_identical(
    integers_where_whole(list(a = 32, b = 0.5, c = "x", d = list(e = c(1, 2)), f = NULL, g = TRUE)),
    list(a = 32L, b = 0.5, c = "x", d = list(e = 1:2), f = NULL, g = TRUE)
  )
  expect_null(integers_where_whole(NULL))
})

test_that("indices are 1-based, and 0 is an error", {
  expect_identical(index(1, "axis"), 0L)
  expect_identical(index(4, "axis"), 3L)
  expect_identical(index(-1, "axis"), -1L)
  expect_snapshot(index(0, "axis"), error = TRUE)
})

test_that("paths with ~, backslashes and accents are normalized", {
  folder <- withr::local_tempdir()
  dir.create(file.path(folder, "d\u00e9p\u00f4t"))
  typed <- gsub("/", "\\", file.path(folder, "d\u00e9p\u00f4t"), fixed = TRUE)
  expect_true(dir.exists(file_path(typed)))
  expect_identical(file_path("~"), path.expand("~"))
  expect_identical(file_path(file.path(folder, "no", "such")), file.path(folder, "no", "such"))
  expect_identical(Encoding(file_path(iconv("d\u00e9p\u00f4t", "UTF-8", "latin1"))), "UTF-8")
  expect_error(file_path(5, "directory"), "`directory` must be a path, not 5.", fixed = TRUE)
  expect_error(file_path(NA_character_), "must be a path")
})

test_that("factors are rejected as labels, with the conversion to use", {
  y <- factor(c("a", "b"))
  expect_snapshot(as_array(y), error = TRUE)
})

test_that("vectors become arrays, also inside lists; arrays stay", {
  expect_identical(as_array(c(1, 2)), as.array(c(1, 2)))
  expect_identical(as_array(matrix(1:4, 2)), matrix(1:4, 2))
  expect_identical(as_array(list(1:2, NULL)), list(as.array(1:2), NULL))
  expect_null(as_array(NULL))
})

test_that("shapes become tuples, NULL and NA become None", {
  skip_without_python()
  expect_identical(reticulate::py_str(shape_tuple(c(150, 150, 3))), "(150, 150, 3)")
  expect_identical(reticulate::py_str(shape_tuple(c(NA, 3))), "(None, 3)")
  expect_identical(reticulate::py_str(shape_tuple(list(NULL, NULL, 3))), "(None, None, 3)")
  expect_identical(reticulate::py_str(shape_tuple(7)), "(7,)")
  expect_error(shape_tuple(c(1.5, 2), "target_size"), "target_size")
})

test_that("arrays keep their shape and values and are not copied", {
  skip_without_python()
  x <- array(as.numeric(seq_len(2 * 3 * 4 * 5)), c(2, 3, 4, 5))
  there <- reticulate::r_to_py(as_array(x))
  expect_identical(reticulate::py_to_r(there), x)
  expect_identical(as.integer(reticulate::py_to_r(there$shape)), c(2L, 3L, 4L, 5L))
  expect_false(reticulate::py_to_r(there$flags$owndata))
  empty <- reticulate::r_to_py(as_array(array(0, c(0, 8, 8, 3))))
  expect_identical(as.integer(reticulate::py_to_r(empty$shape)), c(0L, 8L, 8L, 3L))
})
