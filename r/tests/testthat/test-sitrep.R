test_that("kerastl_sitrep() shows versions, devices and the cache", {
  skip_without_python()
  output <- capture.output(facts <- kerastl_sitrep())
  expect_match(output, "keras +3\\.", all = FALSE)
  expect_match(output, "^device +cpu", all = FALSE)
  expect_identical(facts$r_versions[["kerastl"]], as.character(packageVersion("kerastl")))
  expect_identical(facts$problems$problem, character())
})

# What kerastl_sitrep() finds on a machine where all is well, with changes.
facts <- function(...) {
  good <- list(
    r = "R 4.3", r_bits = 64, r_machine = "x86_64", attached = "base", reticulate_python = "",
    library_path = "", environment = "/envs/r-kerastl", r_versions = c(kerastl = "0.1.0"),
    python = "/envs/r-kerastl/bin/python", python_version = "3.12.1 (main)",
    python_number = "3.12", python_machine = "x86_64", temporary = FALSE,
    python_versions = c("pykeras-tl" = "0.1.0", keras = "3.13.0"), backend = "tensorflow",
    devices = "cpu:0", cache = "/cache"
  )
  changes <- list(...)
  good[names(changes)] <- changes
  good
}

cures <- function(...) {
  found <- find_problems(facts(...))
  sprintf("%s => %s", found$problem, found$cure)
}

test_that("each problem has a cure", {
  missing <- c("pykeras-tl" = NA, keras = NA)
  other <- "/usr/bin/python3"
  expect_identical(cures(), character())
  expect_identical(cures(r_machine = "aarch64", python_machine = "arm64"), character())
  expect_snapshot({
    "No Python"
    cures(python = NULL, python_error = "No Python found", environment = NULL)
    "The Python of the environment was removed"
    cures(python = NULL, python_error = "it does not exist.")
    "RETICULATE_PYTHON is wrong"
    cures(python = NULL, python_error = "x", reticulate_python = "/gone/python")
    "Python is too old"
    cures(python_number = "3.9", python = other, environment = NULL)
    "It is missing in the Python that was chosen, and there is an environment"
    cures(python = other, python_versions = missing, reticulate_python = other)
    "Another Python was started first"
    cures(python = other, python_versions = missing)
    "It is missing"
    cures(python = other, python_versions = missing, environment = NULL)
    "It is missing in the environment"
    cures(python_versions = missing)
    "Versions differ"
    cures(r_versions = c(kerastl = "0.2.0"))
    cures(r_versions = c(kerastl = "0.2.0"), python = other)
    cures(unmet = "keras 3.20.0, not <3.17,>=3.12")
    "Libraries of another program"
    cures(import_error = "libstdc++.so.6: version `GLIBCXX_3.4.32' not found")
    cures(import_error = "ImportError: DLL load failed while importing _x")
    cures(import_error = "ImportError: cannot import name 'a'")
    "Processors"
    cures(r_bits = 32)
    cures(python_machine = "arm64")
    "R's keras 2 hides functions"
    cures(attached = c("base", "keras"))
  })
})

test_that("folders of another Python in LD_LIBRARY_PATH are named", {
  conda <- withr::local_tempdir()
  dir.create(file.path(conda, "conda-meta"))
  dir.create(file.path(conda, "lib"))
  path <- paste("/usr/lib/R/lib", file.path(conda, "lib"), sep = ":")
  expect_identical(foreign_libraries(facts(library_path = path)), file.path(conda, "lib"))
  expect_match(cures(import_error = "CXXABI_1.3.15 not found", library_path = path),
    paste0("(", conda, "/lib)"), fixed = TRUE
  )
})

test_that("problems are printed after the versions", {
  # As r_facts() and python_facts() return them where no Python starts.
  withr::local_envvar(RETICULATE_PYTHON = NA)
  none <- c(r_facts(), list(python = NULL, python_error = "there is none."))
  none$problems <- find_problems(none)
  expect_output(print(structure(none, class = "kerastl_sitrep")), "there is none")
  found <- facts(python_versions = c("pykeras-tl" = NA), python = "/usr/bin/{python}")
  found$problems <- find_problems(found)
  expect_snapshot(structure(found, class = "kerastl_sitrep"))
})

test_that("the reason of a failed import is the one that Python raised first", {
  error <- simpleError(paste("The Python module cannot be imported.",
    "x ImportError: libstdc++.so.6: version `GLIBCXX_3.4.32' not found", "i Run it.", sep = "\n"
  ))
  expect_match(import_reason(error), "^ImportError: libstdc")
})
