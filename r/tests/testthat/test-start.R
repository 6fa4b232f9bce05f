test_that("library(kerastl) does not start Python, change options or print anything", {
  skip_on_cran()
  script <- withr::local_tempfile(fileext = ".R", lines = c(
    "before <- options()",
    "environment <- Sys.getenv()",
    "library(kerastl)",
    "stopifnot(!reticulate::py_available())",
    "after <- options()",
    "stopifnot(identical(before, after[names(before)]))",
    "stopifnot(identical(environment, Sys.getenv()))"
  ))
  out <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(script)),
    stdout = TRUE, stderr = TRUE, env = paste0("R_LIBS=", paste(.libPaths(), collapse = ":"))
  ))
  expect_identical(as.character(out), character())
  expect_null(attr(out, "status"))
})

test_that("a missing Python package is reported with the commands to install it", {
  skip_without_python()
  expect_snapshot(
    abort_python("pykeras_tl", simpleError("No module named 'pykeras_tl'\nmore")),
    error = TRUE,
    transform = function(lines) {
      gsub("'[^']*python[^']*'", "'PYTHON'", gsub("\u2018|\u2019", "'", lines))
    }
  )
})

test_that("RETICULATE_PYTHON is respected", {
  skip_without_python()
  chosen <- Sys.getenv("RETICULATE_PYTHON")
  skip_if(!nzchar(chosen), "RETICULATE_PYTHON is not set")
  toolkit()
  expect_identical(
    dirname(reticulate::py_config()$python), dirname(path.expand(chosen))
  )
})

test_that("no package is declared that reticulate would install from PyPI", {
  expect_false(any(grepl("pykeras", reticulate::py_require()$packages)))
})
