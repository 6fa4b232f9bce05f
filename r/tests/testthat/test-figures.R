test_that("a figure fills the device, at twice its resolution so that text is legible", {
  asked <- NULL
  figure <- list(
    get_size_inches = function() c(10, 5),
    savefig = function(file, dpi) {
      asked <<- dpi
      png::writePNG(matrix(0, 5, 10), file)
    }
  )
  file <- withr::local_tempfile(fileext = ".png")
  grDevices::png(file, 800, 600)
  show_figure(figure)
  grDevices::dev.off()
  expect_identical(asked, 160)
  dark <- png::readPNG(file)[, , 1] < 0.5
  expect_identical(range(which(rowSums(dark) > 0)), c(101L, 500L))
  expect_identical(range(which(colSums(dark) > 0)), c(1L, 800L))
})
