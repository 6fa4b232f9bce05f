#' Write a report on a folder of images
#'
#' Copies a template that checks the images, trains a classifier on them, and shows how good it is.
#' Knit or render it to a web page, a Word or a PDF file. RStudio also offers it among the templates
#' for a new R Markdown file, as "Classify my images", and as an addin that asks for the folder.
#'
#' @param file Name of the file to write. `.qmd` is a Quarto document, `.Rmd` an R Markdown
#'   document.
#' @param images Folder with one subfolder of images per class, as in [train_classifier()].
#' @param results Folder for the results. `NULL` is a folder next to `file`, called after `images`.
#' @param quality How much time to plan the training with, as in [train_classifier()].
#' @param open Whether to open the file in the editor.
#' @returns The path of the file, invisibly.
#' @export
#' @examples
#' file <- use_report_template(tempfile(fileext = ".qmd"), images = "my-images")
#' readLines(file)[12:16]
use_report_template <- function(file = "classify-images.Rmd", images = "my-images",
                                results = NULL, quality = c("good", "fast", "best"),
                                open = rlang::is_interactive()) {
  check_string(file)
  check_string(images)
  quality <- rlang::arg_match(quality)
  template <- switch(tolower(tools::file_ext(file)),
    qmd = system.file("quarto", "classify-images.qmd", package = "kerastl"),
    rmd = system.file("rmarkdown", "templates", "classify-images", "skeleton", "skeleton.Rmd",
      package = "kerastl"
    ),
    cli::cli_abort("{.arg file} must end with {.val .qmd} or {.val .Rmd}, not
                    {.val {basename(file)}}.")
  )
  if (file.exists(file)) {
    cli::cli_abort("{.file {file}} exists. Delete it first, or choose another name.")
  }
  settings <- list(
    images = images, results = results %||% paste0(basename(images), "-classifier"),
    quality = quality
  )
  lines <- readLines(template, encoding = "UTF-8")
  for (name in names(settings)) {
    value <- paste0("\"", gsub("([\\\\\"])", "\\\\\\1", settings[[name]]), "\"")
    row <- grep(sprintf("^  %s: ", name), lines)[1]
    comment <- regmatches(lines[row], regexpr(" #.*$", lines[row]))
    lines[row] <- paste0("  ", name, ": ", value, comment)
  }
  connection <- file(file, "w", encoding = "UTF-8")
  writeLines(enc2utf8(lines), connection)
  close(connection)
  if (open) {
    open_file(file)
  }
  invisible(file)
}

open_file <- function(file) {
  if (in_rstudio()) rstudioapi::navigateToFile(file) else utils::file.edit(file)
}

in_rstudio <- function() {
  nzchar(system.file(package = "rstudioapi")) && rstudioapi::isAvailable()
}

# The addin "Classify my images". The report is written next to the folder.
report_addin <- function() {
  rlang::check_installed("rstudioapi", "for the addin.")
  images <- rstudioapi::selectDirectory("Folder with one subfolder of images per class")
  if (is.null(images)) {
    return(invisible())
  }
  images <- path.expand(images)
  base <- file.path(dirname(images), paste0("classify-", basename(images)))
  files <- paste0(base, c("", paste0("-", 2:99)), ".Rmd")
  use_report_template(files[!file.exists(files)][1], images = images, open = TRUE)
}
