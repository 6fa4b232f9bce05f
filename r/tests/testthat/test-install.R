# A DESCRIPTION as the package remotes writes it.
description <- function(...) list(Package = "kerastl", ...)

checkout <- function(env = parent.frame()) {
  folder <- normalizePath(withr::local_tempdir(.local_envir = env), "/")
  writeLines(c("[project]", "name = \"pykeras-tl\""), file.path(folder, "pyproject.toml"))
  dir.create(file.path(folder, "r"))
  folder
}

test_that("the Python package comes from where the R package came from", {
  folder <- checkout()
  origin <- function(..., has_git = TRUE) {
    package_origin(description(...), installed = tempdir(), has_git = has_git)
  }
  expect_identical(origin(RemoteType = "local", RemoteUrl = file.path(folder, "r")), folder)
  expect_identical(origin(RemoteType = "local", RemoteUrl = folder), folder)
  expect_identical(origin(RemotePkgRef = paste0("local::", folder, "/r")), folder)
  # As pkgload has it.
  expect_identical(package_origin(description(), file.path(folder, "r")), folder)
  # Somebody else's fork, at the same commit.
  github <- list(
    RemoteType = "github", RemoteHost = "api.github.com", RemoteUsername = "someone",
    RemoteRepo = "fork", RemoteSha = "0123abc", RemoteSubdir = "r"
  )
  expect_identical(do.call(origin, github), "git+https://github.com/someone/fork@0123abc")
  git <- list(RemoteType = "xgit", RemoteUrl = "git@host.org:a/b.git", RemoteSha = "12")
  expect_identical(do.call(origin, git), "git+ssh://git@host.org/a/b.git@12")
  expect_identical(origin(), paste0("git+", repository))
  # A folder that is gone.
  expect_identical(origin(RemoteUrl = "/nowhere/r"), paste0("git+", repository))
  expect_identical(do.call(origin, c(github, has_git = FALSE)),
    "https://github.com/someone/fork/archive/0123abc.zip"
  )
})

test_that("what is given to pip names the source, the extras and the wheels", {
  folder <- checkout()
  expect_identical(pip_package(folder, NULL, "weights")$requirement,
    paste0("pykeras-tl[weights] @ file://", if (!startsWith(folder, "/")) "/", folder)
  )
  expect_identical(pip_package("git+https://h/a", NULL, NULL)$requirement,
    "pykeras-tl @ git+https://h/a"
  )
  expect_match(origin_url("/a folder"), "file:///a%20folder", fixed = TRUE)
  expect_identical(origin_url("C:/a"), "file:///C:/a")
  wheels <- withr::local_tempdir()
  expect_error(pip_package(folder, wheels, NULL), "must be a folder of '?.whl")
  file.create(file.path(wheels, c("tensorflow-2.21-cp312-cp312-x.whl", "keras-3.whl")))
  expect_identical(pip_package(folder, wheels, NULL)$options[1], "--no-index")
  expect_match(pip_package(folder, wheels, NULL)$requirement, "file://")
  expect_identical(wheel_python(wheels), ">=3.12,<3.13")
  file.create(file.path(wheels, "pykeras_tl-0.1.0-py3-none-any.whl"))
  expect_identical(pip_package(NULL, wheels, c("a", "b"))$requirement, "pykeras-tl[a,b]")
  expect_error(pip_package(wheels, NULL, NULL), "must be the folder of the repository")
})

test_that("platforms without TensorFlow are refused", {
  expect_null(check_platform(c(sysname = "Linux", machine = "x86_64"), 8))
  expect_null(check_platform(c(sysname = "Darwin", machine = "arm64"), 8))
  expect_error(check_platform(c(sysname = "Darwin", machine = "x86_64"), 8), "Intel Macs")
  expect_error(check_platform(c(sysname = "Windows", machine = "x86"), 4), "64 bits")
})

test_that("an environment is made, filled, checked and reported", {
  commands <- list()
  local_bindings(
    check_not_in_use = function(folder) NULL, find_uv = function() "uv",
    installed_versions = function(folder) {
      list(pykeras_tl = "1", keras = "2", tensorflow = "3", python = "4")
    },
    run_tool = function(command, arguments, ...) {
      commands <<- c(commands, list(gsub("['\"]", "", c(command, arguments))))
      # uv makes the environment.
      if ("venv" %in% arguments) {
        dir.create(file.path(folder, "bin"), recursive = TRUE)
        dir.create(file.path(folder, "Scripts"))
        file.create(file.path(folder, c("pyvenv.cfg", "bin/python", "Scripts/python.exe")))
      }
    }
  )
  withr::local_envvar(RETICULATE_PYTHON = "/another/python")
  source <- checkout()
  folder <- file.path(withr::local_tempdir(), "environment")
  expect_message(
    python <- install_kerastl(folder, source, python = "3.12"),
    "Installed pykeras-tl 1 with Keras 2 and TensorFlow\\s+3 for Python 4"
  ) |> expect_message("Making the environment") |> expect_message("from .*file")
  expect_true(basename(dirname(python)) %in% c("bin", "Scripts"))
  expect_identical(commands[[1]][1:4], c("uv", "venv", "--python", "3.12"))
  expect_identical(utils::tail(commands[[2]], 1), pip_package(source, NULL, "weights")$requirement)
  expect_match(cli::ansi_strip(use_environment("x", folder)), "RETICULATE_PYTHON")
})

test_that("tools that fail are reported in a line", {
  folder <- "somewhere"
  expect_error(run_tool(file.path(R.home("bin"), "Rscript"), c("-e", shQuote("quit(status = 3)")),
    "It failed in {.file {folder}}."
  ), "It failed in 'somewhere'")
  expect_error(abort_no_python("uv"), "uv was not found")
  expect_error(abort_no_python("auto"), "Neither Python 3.11 to 3.13 nor uv was found")
})
