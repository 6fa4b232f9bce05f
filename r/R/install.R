# The Python environment that library(kerastl) uses if there is one.
default_environment <- "r-kerastl"
# What pykeras-tl and TensorFlow run on.
python_versions <- ">=3.11,<3.14"

#' Install the Python package
#'
#' kerastl computes with the Python package pykeras-tl. `install_kerastl()` makes a Python
#' environment, installs pykeras-tl in it from where kerastl itself was installed (a folder on this
#' computer, or the same commit of a repository), imports it to check it, and says what it did.
#' `library(kerastl)` then uses this environment, unless another Python was chosen with
#' `use_python()` or the environment variable `RETICULATE_PYTHON`.
#'
#' The downloads are about 1 GB, mostly TensorFlow. For a computer without internet, collect the
#' files on another one with the same system and version of Python, by
#' `python -m pip wheel --wheel-dir wheels "/path/to/pykeras_tl[weights]"`, copy the folder, and run
#' `install_kerastl(wheels = "wheels")`.
#'
#' @param envname Name of the environment, or a path. Scripts have to choose any but the default
#'   with `use_virtualenv()`.
#' @param source Where to take pykeras-tl from: the folder of its repository, or anything that pip
#'   accepts, such as `"git+https://host/user/repository"`. `NULL` takes it from where kerastl
#'   comes from.
#' @param wheels A folder of wheels to install from, without using the internet.
#' @param extras Names of optional parts: `"weights"` are ImageNet weights (60 MB), `"gpu"` is CUDA
#'   for TensorFlow on Linux. `NULL` installs none.
#' @param python Path of a Python, or a version such as `"3.12"`, for a new environment. `NULL`
#'   takes the newest of 3.11 to 3.13 that is found, or the one that the wheels are for.
#' @param method `"virtualenv"` installs with pip, `"uv"` with uv, which also downloads Python
#'   where there is none. `"auto"` is uv if reticulate or the system has it.
#' @param force Whether to delete an existing environment of that name and make it anew. By default
#'   the packages in it are brought up to date.
#' @returns The path of the environment's Python, invisibly.
#' @seealso [kerastl_sitrep()] finds out what is wrong.
#' @export
#' @examples
#' \dontrun{
#' install_kerastl()
#' install_kerastl(source = "~/pykeras_tl", extras = c("weights", "gpu"))
#' }
install_kerastl <- function(envname = "r-kerastl", source = NULL, wheels = NULL,
                            extras = "weights", python = NULL,
                            method = c("auto", "virtualenv", "uv"), force = FALSE) {
  method <- rlang::arg_match(method)
  check_string(envname)
  check_platform()
  package <- pip_package(source, wheels, extras)
  folder <- environment_folder(envname)
  check_not_in_use(folder)
  uv <- if (method != "virtualenv") find_uv()
  versions <- wheel_python(wheels) %||% python_versions
  python <- python %||% reticulate::virtualenv_starter(versions)
  if (is.null(uv) && (method == "uv" || is.null(python))) {
    # reticulate downloads uv, and uv downloads Python.
    uv <- uv_from_reticulate() %||% abort_no_python(method)
  }
  make_environment(folder, uv, python %||% versions, force)
  cli::cli_inform(c(i = "Installing pykeras-tl from {package$origin}."))
  install_package(folder, uv, package)
  versions <- installed_versions(folder)
  cli::cli_inform(c(
    v = "Installed pykeras-tl {versions$pykeras_tl} with Keras {versions$keras} and TensorFlow
         {versions$tensorflow} for Python {versions$python} in {.file {folder}}.",
    use_environment(envname, folder)
  ))
  invisible(reticulate::virtualenv_python(folder))
}

environment_folder <- function(envname) {
  is_path <- grepl("[/\\\\]", envname)
  path.expand(if (is_path) envname else file.path(reticulate::virtualenv_root(), envname))
}

check_platform <- function(machine = Sys.info(), pointer_size = .Machine$sizeof.pointer) {
  reason <- if (pointer_size < 8) {
    c("TensorFlow needs R of 64 bits. This R has 32.", i = "Install R of 64 bits.")
  } else if (machine[["sysname"]] == "Darwin" && machine[["machine"]] == "x86_64") {
    c(
      "TensorFlow has no packages for Intel Macs any more, nor for R for Intel Macs.",
      i = "On a Mac with Apple silicon, install R for Apple silicon (arm64)."
    )
  }
  if (!is.null(reason)) {
    cli::cli_abort(reason, call = NULL)
  }
}

# A running Python cannot be replaced, on Windows not even changed.
check_not_in_use <- function(folder) {
  if (reticulate::py_available() && is_within(reticulate::py_config()$python, folder)) {
    cli::cli_abort(c(
      "This session uses the environment {.file {folder}}.",
      i = "Restart R and run {.code kerastl::install_kerastl()} before anything else."
    ), call = NULL)
  }
}

is_within <- function(file, folder) {
  file <- file.path(normalizePath(dirname(file), "/", FALSE), basename(file))
  startsWith(file, paste0(normalizePath(folder, "/", FALSE), "/"))
}

# What to install: a requirement and options for pip, and where it comes from in words.
pip_package <- function(source, wheels, extras) {
  name <- paste0("pykeras-tl", if (length(extras)) sprintf("[%s]", paste(extras, collapse = ",")))
  options <- character()
  if (!is.null(wheels)) {
    wheels <- normalizePath(file_path(wheels), "/", mustWork = FALSE)
    files <- list.files(wheels, "\\.whl$")
    if (length(files) == 0) {
      cli::cli_abort("{.arg wheels} must be a folder of {.file .whl} files, not {.file {wheels}}.",
        call = rlang::caller_env()
      )
    }
    options <- c("--no-index", "--find-links", shQuote(wheels))
    if (is.null(source) && any(startsWith(files, "pykeras_tl-"))) {
      return(list(requirement = name, options = options, origin = wheels))
    }
  }
  origin <- if (is.null(source)) package_origin() else source_origin(source)
  list(requirement = paste(name, "@", origin_url(origin)), options = options, origin = origin)
}

# The version of Python that a folder of wheels is for: that of TensorFlow's, such as cp313.
wheel_python <- function(wheels) {
  files <- list.files(wheels %||% character(), "^tensorflow-.*\\.whl$")
  tags <- regmatches(files, regexpr("(?<=-cp3)[0-9]+", files, perl = TRUE))
  if (length(tags) > 0) {
    sprintf(">=3.%d,<3.%d", max(as.integer(tags)), max(as.integer(tags)) + 1L)
  }
}

source_origin <- function(source) {
  check_string(source)
  if (grepl("^(git\\+)?[a-z]+://", source)) {
    return(source)
  }
  folder <- normalizePath(file_path(source), "/", mustWork = FALSE)
  if (!is_python_source(folder) && !grepl("\\.(whl|zip|tar\\.gz)$", folder)) {
    cli::cli_abort("{.arg source} must be the folder of the repository of pykeras-tl, with its
                    {.file pyproject.toml}, not {.file {folder}}.", call = rlang::caller_env(2))
  }
  folder
}

origin_url <- function(origin) {
  if (grepl("^(git\\+)?[a-z]+://", origin)) {
    return(origin)
  }
  # On Windows, C:/folder has no slash at its beginning.
  paste0("file://", if (!startsWith(origin, "/")) "/", utils::URLencode(origin))
}

is_python_source <- function(folder) {
  file <- file.path(folder, "pyproject.toml")
  file.exists(file) && any(grepl("^name *= *\"pykeras-tl\"", readLines(file, warn = FALSE)))
}

# Where kerastl was installed from, by what the package remotes, pak or devtools wrote in its
# DESCRIPTION: a folder with the Python package, or a commit of a repository.
package_origin <- function(description = utils::packageDescription("kerastl"),
                           installed = system.file(package = "kerastl"),
                           has_git = nzchar(Sys.which("git"))) {
  local <- c(
    description$RemoteUrl, sub("^local::", "", description$RemotePkgRef %||% ""), installed
  )
  local <- normalizePath(local[dir.exists(local)], "/")
  for (folder in c(rbind(local, dirname(local)))) {
    if (is_python_source(folder)) {
      return(folder)
    }
  }
  commit <- description$RemoteSha %||% description$RemoteRef
  url <- remote_url(description)
  if (is.null(url)) {
    return(paste0("git+", repository))
  }
  if (startsWith(url, "https://github.com/") && !has_git) {
    return(paste0(sub("\\.git$", "", url), "/archive/", commit %||% "HEAD", ".zip"))
  }
  paste0("git+", url, if (!is.null(commit)) "@", commit)
}

remote_url <- function(description) {
  if (!is.null(description$RemoteUsername)) {
    # "api.github.com", "github.company.com/api/v3"
    host <- sub("/.*$", "", sub("^api\\.", "", description$RemoteHost %||% "github.com"))
    return(sprintf("https://%s/%s/%s", host, description$RemoteUsername, description$RemoteRepo))
  }
  url <- description$RemoteUrl
  if (is.null(url) || grepl("^[a-z]+://", url)) {
    return(url)
  }
  # "git@host:user/repository.git". Any other is a folder that is gone.
  if (grepl("^[^/]+@[^/]+:", url)) paste0("ssh://", sub(":", "/", url, fixed = TRUE))
}

find_uv <- function() {
  name <- if (.Platform$OS.type == "windows") "uv.exe" else "uv"
  candidates <- c(
    Sys.getenv("RETICULATE_UV"), getOption("reticulate.uv_binary", ""), Sys.which("uv"),
    path.expand(file.path("~/.local/bin", name)),
    file.path(tools::R_user_dir("reticulate", "cache"), "uv", "bin", name)
  )
  found <- candidates[nzchar(candidates) & file.exists(candidates)]
  if (length(found) > 0) found[[1]]
}

uv_from_reticulate <- function() {
  try(silent = TRUE, suppressWarnings(
    reticulate::uv_run_tool("python", "--version", python_version = python_versions, stdout = TRUE)
  ))
  find_uv()
}

abort_no_python <- function(method) {
  missing <- if (method == "uv") "uv" else "Neither Python 3.11 to 3.13 nor uv"
  cli::cli_abort(c(
    "{missing} was {if (method == 'uv') 'not '}found, and could not be downloaded.",
    i = "Install Python 3.12 from {.url https://www.python.org/downloads}, or give the path of a
         Python as {.arg python}."
  ), call = NULL)
}

make_environment <- function(folder, uv, python, force) {
  if (reticulate::virtualenv_exists(folder)) {
    if (!force) {
      return(cli::cli_inform(c(i = "Using the environment {.file {folder}}.")))
    }
    unlink(folder, recursive = TRUE)
  }
  cli::cli_inform(c(i = "Making the environment {.file {folder}}."))
  if (is.null(uv)) {
    # `packages = FALSE`: pip is there, and its newest version would need the internet.
    found <- if (grepl("[/\\\\]", python)) python else reticulate::virtualenv_starter(python)
    if (is.null(found)) {
      cli::cli_abort("{.arg python} must be a Python on this computer, not {.val {python}}.",
        call = NULL
      )
    }
    reticulate::virtualenv_create(folder, python = found, packages = FALSE)
  } else {
    run_tool(uv, c("venv", "--python", shQuote(python), shQuote(folder)),
      "uv could not make the environment {.file {folder}}."
    )
  }
}

install_package <- function(folder, uv, package) {
  failed <- "pykeras-tl could not be installed from {.file {package$origin}}: see above."
  python <- shQuote(reticulate::virtualenv_python(folder))
  if (is.null(uv)) {
    command <- reticulate::virtualenv_python(folder)
    if (system2(command, c("-m", "pip", "--version"), stdout = FALSE, stderr = FALSE) != 0) {
      run_tool(command, c("-m", "ensurepip"), "The environment {.file {folder}} has no pip.")
    }
    arguments <- c("-m", "pip", "install", "--upgrade", "--no-user")
  } else {
    # uv does not look into a folder that it has installed from before.
    command <- uv
    arguments <- c("pip", "install", "--upgrade", "--reinstall-package", "pykeras-tl", "--python",
                   python)
  }
  run_tool(command, c(arguments, package$options, shQuote(package$requirement)), failed)
}

# Shows what the program writes.
run_tool <- function(command, arguments, failed, env = rlang::caller_env()) {
  if (system2(command, arguments) != 0) {
    cli::cli_abort(failed, call = NULL, .envir = env)
  }
}

installed_versions <- function(folder) {
  code <- c(
    "import platform", "from importlib.metadata import version", "import pykeras_tl.models, keras",
    "print('versions', version('pykeras-tl'), keras.__version__, version('tensorflow'),",
    "      platform.python_version())"
  )
  script <- tempfile(fileext = ".py")
  on.exit(unlink(script))
  writeLines(code, script)
  # On PYTHONPATH there may be packages of another Python.
  out <- suppressWarnings(system2(reticulate::virtualenv_python(folder), c("-E", shQuote(script)),
    stdout = TRUE, stderr = TRUE
  ))
  line <- grep("^versions ", out, value = TRUE)
  if (length(line) == 0) {
    reason <- utils::tail(out, 1)
    cli::cli_abort(c(
      "pykeras-tl was installed in {.file {folder}}, but cannot be imported.",
      x = "{reason}",
      i = "{.code kerastl::kerastl_sitrep()} looks for the cause."
    ), call = NULL)
  }
  values <- strsplit(line, " ", fixed = TRUE)[[1]][-1]
  rlang::set_names(as.list(values), c("pykeras_tl", "keras", "tensorflow", "python"))
}

# Chooses the environment for this session, and says how others find it.
use_environment <- function(envname, folder) {
  chosen <- Sys.getenv("RETICULATE_PYTHON")
  if (nzchar(chosen) && !is_within(chosen, folder)) {
    return(c("!" = cli::format_inline(
      "The environment variable {.envvar RETICULATE_PYTHON} is {.file {chosen}}, which R will use
       instead. Remove it, in most cases from the file {.file ~/.Renviron}, and restart R."
    )))
  }
  line <- if (envname == default_environment) {
    "library(kerastl)"
  } else {
    sprintf("library(kerastl); use_virtualenv(\"%s\")", envname)
  }
  if (reticulate::py_available()) {
    return(c(i = cli::format_inline("Restart R, and begin with {.code {line}}.")))
  }
  reticulate::use_virtualenv(folder, required = FALSE)
  c(i = cli::format_inline("Scripts begin with {.code {line}}."))
}
