names <- c("cat", "dog")
confusion <- structure(
  matrix(c(5L, 1L, 0L, 4L), 2, dimnames = list(true = names, predicted = names)),
  class = c("kerastl_confusion", "table")
)

test_that("a confusion matrix prints and converts to a table", {
  expect_snapshot(confusion)
  table <- as.data.frame(confusion)
  expect_identical(names(table), c("true", "predicted", "images"))
  expect_identical(table$images[table$true == "dog" & table$predicted == "cat"], 1L)
})

test_that("ggplot2 shows counts and proportions", {
  skip_if_not_installed("ggplot2")
  built <- ggplot2::ggplot_build(plot(confusion))
  expect_setequal(as.integer(built$data[[2]]$label), c(5L, 1L, 0L, 4L))
  table <- built$plot$data
  dog_as_cat <- table$true == "dog" & table$predicted == "cat"
  expect_equal(table$proportion[dog_as_cat], 1 / 5)
})

test_that("base graphics plot it too", {
  file <- withr::local_tempfile(fileext = ".png")
  grDevices::png(file, 400, 400)
  plot(confusion, method = "base")
  grDevices::dev.off()
  expect_gt(file.size(file), 3000)
})

test_that("many classes fit a console and a plot", {
  names <- paste("species", 1:150)
  counts <- diag(9L, 150)
  counts[3, 7] <- 4L
  counts[5, 1] <- 2L
  many <- structure(
    matrix(as.integer(counts), 150, dimnames = list(true = names, predicted = names)),
    class = c("kerastl_confusion", "table")
  )
  lines <- capture.output(print(many))
  expect_identical(lines[1], "Confusion matrix of 150 classes; the most frequent confusions:")
  expect_match(lines[3], "species 3 +species 7 +4")
  expect_length(lines, 4)
  expect_output(print(structure(
    matrix(as.integer(diag(2L, 30)), 30, dimnames = list(true = 1:30, predicted = 1:30)),
    class = c("kerastl_confusion", "table")
  )), "none")
  skip_if_not_installed("ggplot2")
  expect_length(plot(many)$layers, 1)
  expect_gt(plot_size(print(plot(many))), 3000)
  expect_gt(plot_size(plot(many, method = "base")), 3000)
})

test_that("long lists of names are cut", {
  expect_identical(list_names(c("cat", "dog")), "cat, dog")
  expect_identical(list_names(letters), "a, b, c, d, e, f, g, h, i, j, k, l and 14 more")
})
