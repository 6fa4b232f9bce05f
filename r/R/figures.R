# Shows a matplotlib figure on the current graphics device, as large as it fits.
show_figure <- function(figure) {
  old <- graphics::par(mar = rep(0, 4), xaxs = "i", yaxs = "i")
  on.exit(graphics::par(old))
  graphics::plot.new()
  # Devices that draw pixels shrink images badly, so that small text would be illegible. Half the
  # size is the mean of four pixels, and on paper it is sharp.
  inches <- unlist(figure$get_size_inches())
  dpi <- min(300, 2 * grDevices::dev.size("px") / inches)
  file <- tempfile(fileext = ".png")
  on.exit(unlink(file), add = TRUE)
  figure$savefig(file, dpi = dpi)
  image <- png::readPNG(file)
  graphics::plot.window(c(0, 1), c(0, 1), asp = nrow(image) / ncol(image))
  graphics::rasterImage(image, 0, 0, 1, 1)
}
