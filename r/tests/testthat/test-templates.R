read_template <- function(...) readLines(system.file(..., package = "kerastl", mustWork = TRUE))

test_that("the Quarto and the R Markdown template differ in their headers only", {
  body <- function(lines) lines[-seq_len(which(lines == "---")[2])]
  expect_identical(
    body(read_template("quarto", "classify-images.qmd")),
    body(read_template("rmarkdown", "templates", "classify-images", "skeleton", "skeleton.Rmd"))
  )
})

test_that("use_report_template() fills in the settings", {
  skip_if_not_installed("yaml")
  folder <- withr::local_tempdir()
  for (name in c("report.Rmd", "report.qmd")) {
    file <- file.path(folder, name)
    use_report_template(file, images = "C:\\my \"images\"\u00e9", quality = "fast", open = FALSE)
    lines <- readLines(file, encoding = "UTF-8")
    header <- yaml::yaml.load(paste(lines[2:(which(lines == "---")[2] - 1)], collapse = "\n"))
    expect_identical(header$params, list(
      images = "C:\\my \"images\"\u00e9",
      results = paste0(basename("C:\\my \"images\"\u00e9"), "-classifier"), quality = "fast"
    ))
    expect_error(use_report_template(file, open = FALSE), "exists")
  }
  expect_error(use_report_template("a.txt", open = FALSE), "must end with")
})

test_that("the addins and the template are what RStudio expects", {
  addins <- read.dcf(system.file("rstudio", "addins.dcf", package = "kerastl"))
  bindings <- mget(addins[, "Binding"], asNamespace("kerastl"), mode = "function")
  expect_length(bindings, 2)
  expect_match(
    read_template("rmarkdown", "templates", "classify-images", "template.yaml"), "^name: ",
    all = FALSE
  )
})

test_that("the report of a folder is knitted, and its results are read", {
  skip_without_python()
  skip_if_not_installed("rmarkdown")
  skip_if(!rmarkdown::pandoc_available(), "pandoc is not installed")
  folder <- withr::local_tempdir()
  images <- image_folder(c("cat", "dog", "fox"), each = 10, size = 32)
  results <- file.path(folder, "results")
  # It learns next to nothing, and warns of that.
  suppressWarnings(train_classifier(images, results, backbone = "mobilenet", weights = NULL,
    target_size = c(32, 32), epochs = 2, batch_size = 4, groups = NULL
  ))
  result <- load_evaluation(results)
  expect_s3_class(result, "kerastl_evaluation")
  expect_identical(dim(result$confusion), c(3L, 3L))
  expect_identical(read_confusion(evaluation_folder(results)), result$confusion)
  expect_match(read_accuracy(results), "^Test: .* of 6 images")
  expect_named(load_histories(results), "mobilenet")
  expect_length(load_histories(results)[[1]]$metrics$loss, 2)
  expect_error(load_evaluation(folder), "folder of results")

  file <- use_report_template(file.path(folder, "report.Rmd"), images, results, open = FALSE)
  page <- rmarkdown::render(file, "html_document", quiet = TRUE, envir = new.env())
  # Images are lines of a million characters.
  lines <- substr(readLines(page, encoding = "UTF-8"), 1, 300)
  expect_match(lines, "30 images in", all = FALSE)
  expect_match(lines, "it had not seen (6 images, 6", fixed = TRUE, all = FALSE)
  # Examples, curves and the confusion matrix at least.
  expect_gte(sum(grepl("<img src=\"data:image/png", lines, fixed = TRUE)), 3)
})
