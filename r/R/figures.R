# Shows a matplotlib figure on the current graphics device.
show_figure <- function(figure) {
  file <- tempfile(fileext = ".png")
  on.exit(unlink(file))
  figure$savefig(file, dpi = 150L)
  image <- png::readPNG(file)
  old <- graphics::par(mar = rep(0, 4))
  on.exit(graphics::par(old), add = TRUE)
  graphics::plot.new()
  graphics::plot.window(c(0, 1), c(0, 1), asp = nrow(image) / ncol(image))
  graphics::rasterImage(image, 0, 0, 1, 1)
}
