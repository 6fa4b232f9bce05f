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
