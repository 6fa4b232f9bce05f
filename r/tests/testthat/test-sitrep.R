test_that("kerastl_sitrep() shows versions, devices and the cache", {
  skip_without_python()
  output <- capture.output(facts <- kerastl_sitrep())
  expect_match(output, "keras +3\\.", all = FALSE)
  expect_match(output, "^device +cpu", all = FALSE)
  expect_identical(facts$versions[["kerastl"]], as.character(packageVersion("kerastl")))
})

test_that("kerastl_sitrep() says how to install a missing Python package", {
  facts <- structure(
    list(
      r = "R version 4", python = "/usr/bin/python3", python_version = "3.11", backend = NA,
      versions = c(kerastl = "0.1.0", "pykeras-tl" = NA), devices = character(), cache = NA,
      install = install_hints(list(python = "/usr/bin/python3"))
    ),
    class = "kerastl_sitrep"
  )
  expect_snapshot(facts)
  # Nothing should be installed in an environment that reticulate removes again.
  expect_length(install_hints(list(python = "/tmp/python3", ephemeral = TRUE)), 1)
})
