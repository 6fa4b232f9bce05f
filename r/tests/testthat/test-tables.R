test_that("pandas tables are converted with missing values and factors", {
  skip_without_python()
  pandas <- reticulate::import("pandas", convert = FALSE)
  frame <- pandas$DataFrame(list(
    filename = list("a", NULL, "c"), class = list("dog", "cat", "dog"), p = list(0.5, NaN, 1)
  ))
  table <- as_table(frame, class_names = c("cat", "dog"))
  expect_s3_class(table, "tbl_df")
  expect_identical(table$filename, c("a", NA, "c"))
  expect_identical(table$class, factor(c("dog", "cat", "dog"), levels = c("cat", "dog")))
  expect_identical(table$p, c(0.5, NaN, 1))
})

test_that("columns with the same name are kept apart", {
  skip_without_python()
  pandas <- reticulate::import("pandas", convert = FALSE)
  numpy <- reticulate::import("numpy", convert = FALSE)
  frame <- pandas$DataFrame(numpy$ones(reticulate::tuple(2L, 2L)), columns = list("p", "p"))
  expect_identical(names(as_table(frame)), c("p", "p"))
})

test_that("an empty table keeps its columns", {
  skip_without_python()
  pandas <- reticulate::import("pandas", convert = FALSE)
  table <- as_table(pandas$DataFrame(columns = list("filename", "reason")))
  expect_identical(dim(table), c(0L, 2L))
})

test_that("the result is a data frame if tibble is not installed", {
  frame <- data.frame(a = 1)
  expect_identical(as_tibble_if_installed(frame, installed = FALSE), frame)
  expect_s3_class(as_tibble_if_installed(frame, installed = TRUE), "tbl_df")
})
