names <- c("cat", "dog")
confusion <- structure(
  matrix(c(5L, 1L, 0L, 4L), 2, dimnames = list(true = names, predicted = names)),
  class = c("kerastl_confusion", "table")
)

test_that("a confusion matrix prints and becomes a table", {
  expect_snapshot(confusion)
  table <- as.data.frame(confusion)
  expect_identical(names(table), c("true", "predicted", "pictures"))
  expect_identical(table$pictures[table$true == "dog" & table$predicted == "cat"], 1L)
})

test_that("ggplot2 draws counts and shares", {
  skip_if_not_installed("ggplot2")
  drawn <- ggplot2::ggplot_build(plot(confusion))
  expect_setequal(as.integer(drawn$data[[2]]$label), c(5L, 1L, 0L, 4L))
  dog_as_cat <- drawn$plot$data
  share <- dog_as_cat$share[dog_as_cat$true == "dog" & dog_as_cat$predicted == "cat"]
  expect_equal(share, 1 / 5)
})

test_that("base graphics draw it too", {
  file <- withr::local_tempfile(fileext = ".png")
  grDevices::png(file, 400, 400)
  plot(confusion, method = "base")
  grDevices::dev.off()
  expect_gt(file.size(file), 3000)
})
