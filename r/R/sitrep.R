#' Find out what is wrong with the installation
#'
#' Starts Python if it is not running yet, and prints the versions of R, Python and their
#' packages, the devices and the cache folder. Then it lists what is wrong, such as a missing or
#' outdated package, and what to do about it. Please include the output when you report a problem.
#'
#' @returns A list with the same information, invisibly. `problems` is a data frame with the columns
#'   `problem` and `cure`, without rows if all is well.
#' @seealso [install_kerastl()]
#' @export
#' @examplesIf kerastl::is_keras_available()
#' kerastl_sitrep()
kerastl_sitrep <- function() {
  facts <- c(r_facts(), python_facts())
  facts$problems <- find_problems(facts)
  structure(facts, class = "kerastl_sitrep") |> print() |> invisible()
}

r_facts <- function() {
  folder <- environment_folder(default_environment)
  r_packages <- c("kerastl", "reticulate", "ggplot2", "tibble")
  list(
    r = R.version.string,
    r_bits = 8 * .Machine$sizeof.pointer,
    r_machine = R.version$arch,
    attached = sub("^package:", "", grep("^package:", search(), value = TRUE)),
    reticulate_python = Sys.getenv("RETICULATE_PYTHON"),
    library_path = Sys.getenv("LD_LIBRARY_PATH"),
    environment = if (reticulate::virtualenv_exists(folder)) folder,
    r_versions = vapply(r_packages, r_version, "")
  )
}

# `python` is NULL, and `python_error` says why, if Python does not start. `import_error` is what
# went wrong with packages that are installed.
python_facts <- function() {
  config <- tryCatch(
    {
      # The module to look for when Python is chosen.
      reticulate::py_module_available("pykeras_tl")
      reticulate::py_config()
    },
    error = function(error) error
  )
  if (inherits(config, "error") || is.null(config)) {
    error <- config %||% simpleError("there is none.")
    # `python` must be in the list: `$` completes names.
    return(list(python = NULL, python_error = first_line(conditionMessage(error))))
  }
  metadata <- reticulate::import("importlib.metadata")
  version <- function(name) {
    tryCatch(metadata$version(name), error = function(error) NA_character_)
  }
  python_packages <- c("pykeras-tl", "keras", "tensorflow", "numpy", "opencv-python-headless")
  facts <- list(
    python = config$python,
    python_version = first_line(as.character(config$version_string)),
    python_number = as.character(config$version),
    python_machine = reticulate::import("platform")$machine(),
    temporary = isTRUE(config$ephemeral),
    python_versions = vapply(python_packages, version, "")
  )
  if (is.na(facts$python_versions[["pykeras-tl"]])) {
    return(facts)
  }
  facts$unmet <- tryCatch(unmet_requirements(), error = function(error) NULL)
  tryCatch(
    {
      facts$backend <- keras()$backend$backend()
      facts$devices <- unlist(keras()$distribution$list_devices())
      facts$cache <- cache_directory()
    },
    error = function(error) facts$import_error <<- import_reason(error)
  )
  facts
}

# The error that Python raised first, without ours around it.
import_reason <- function(error) {
  lines <- strsplit(conditionMessage(error), "\n", fixed = TRUE)[[1]]
  causes <- grep("Error: |GLIBCXX|CXXABI|DLL load failed|undefined symbol|libstdc", lines,
    value = TRUE
  )
  # Without the bullet.
  sub("^(x |[^[:alnum:]]+)", "", c(causes, lines)[1])
}

# Requirements of pykeras-tl that are not met: "keras 3.17.0, not <3.17,>=3.12".
unmet_requirements <- function() {
  check <- reticulate::py_run_string(local = TRUE, convert = TRUE, code = paste(
    "from importlib import metadata",
    "from packaging.requirements import Requirement",
    "unmet = []",
    "for text in metadata.requires('pykeras-tl') or []:",
    "    requirement = Requirement(text)",
    "    if requirement.marker and not requirement.marker.evaluate({'extra': ''}):",
    "        continue",
    "    try:",
    "        version = metadata.version(requirement.name)",
    "    except metadata.PackageNotFoundError:",
    "        unmet.append(f'{requirement.name} is missing')",
    "        continue",
    "    if not requirement.specifier.contains(version, prereleases=True):",
    "        unmet.append(f'{requirement.name} {version}, not {requirement.specifier}')",
    sep = "\n"
  ))
  as.character(unlist(check$unmet))
}

# What is wrong, from facts alone. Of problems with one cause the first is reported.
find_problems <- function(facts) {
  found <- c(
    machine_problems(facts),
    if (is.null(facts$python)) no_python_problem(facts) else python_problems(facts),
    attached_problems(facts)
  )
  data.frame(
    problem = vapply(found, `[[`, "", "problem"), cure = vapply(found, `[[`, "", "cure")
  )
}

problem <- function(problem, cure) list(list(problem = problem, cure = cure))

reinstall <- "Run kerastl::install_kerastl(force = TRUE), which makes the environment anew."

machine_problems <- function(facts) {
  machine <- function(name) {
    switch(tolower(name), amd64 = , `x86-64` = "x86_64", aarch64 = "arm64", tolower(name))
  }
  if (facts$r_bits < 64) {
    return(problem("R has 32 bits, TensorFlow 64.", "Install R of 64 bits."))
  }
  if (!is.null(facts$python_machine) && machine(facts$python_machine) != machine(facts$r_machine)) {
    problem(
      sprintf("R is made for %s, Python for %s.", facts$r_machine, facts$python_machine),
      "Install R and Python for the same processor; on a Mac with Apple silicon both for arm64."
    )
  }
}

no_python_problem <- function(facts) {
  chosen <- facts$reticulate_python
  if (nzchar(chosen) && !chosen %in% "managed" && !file.exists(chosen)) {
    return(problem(
      sprintf("RETICULATE_PYTHON is %s, which does not exist.", chosen), without_chosen(facts)
    ))
  }
  if (nzchar(chosen)) {
    return(problem(
      sprintf("The Python %s of RETICULATE_PYTHON does not start: %s", chosen,
        sentence(facts$python_error)
      ), without_chosen(facts)
    ))
  }
  if (!is.null(facts$environment)) {
    return(problem(
      sprintf("Python does not start: %s The environment is %s.",
        sentence(facts$python_error), facts$environment
      ), reinstall
    ))
  }
  problem(paste("Python does not start:", sentence(facts$python_error)),
    "Run kerastl::install_kerastl()."
  )
}

sentence <- function(text) sub("[.]*$", ".", text)

# How to use the environment of install_kerastl() in place of RETICULATE_PYTHON.
without_chosen <- function(facts) {
  paste0(
    "Remove RETICULATE_PYTHON, in most cases from the file ~/.Renviron, ",
    if (is.null(facts$environment)) {
      "restart R, and run kerastl::install_kerastl()."
    } else {
      "and restart R."
    }
  )
}

python_problems <- function(facts) {
  if (utils::compareVersion(facts$python_number, "3.11") < 0) {
    return(problem(
      sprintf("Python %s (%s) is too old. pykeras-tl needs 3.11.", facts$python_number,
        facts$python
      ), other_python(facts)
    ))
  }
  if (is.na(facts$python_versions[["pykeras-tl"]])) {
    return(problem(sprintf("pykeras-tl is not installed in %s.", facts$python),
      other_python(facts)
    ))
  }
  c(
    if (!is.null(facts$import_error)) import_problem(facts),
    version_problem(facts),
    if (length(facts$unmet) > 0) {
      problem(
        sprintf("pykeras-tl needs other packages than there are: %s.",
          paste(facts$unmet, collapse = "; ")
        ), update(facts)
      )
    }
  )
}

# R uses a Python that is of no use.
other_python <- function(facts) {
  if (nzchar(facts$reticulate_python)) {
    return(without_chosen(facts))
  }
  if (is.null(facts$environment)) {
    return("Run kerastl::install_kerastl(), and restart R.")
  }
  if (is_within(facts$python, facts$environment)) {
    return(paste("Restart R.", reinstall))
  }
  paste(
    "Restart R, and run library(kerastl) before anything that starts Python, and without",
    "use_python() and its relatives. Then it uses", facts$environment
  ) |> sentence()
}

# R uses a Python that is nearly right.
update <- function(facts) {
  if (!is.null(facts$environment) && is_within(facts$python, facts$environment)) {
    return("Restart R, and run kerastl::install_kerastl().")
  }
  sprintf("Update pykeras-tl in %s with pip, or run kerastl::install_kerastl().", facts$python)
}

version_problem <- function(facts) {
  versions <- c(facts$r_versions["kerastl"], facts$python_versions["pykeras-tl"])
  if (versions[[1]] != versions[[2]]) {
    problem(
      sprintf("kerastl is %s and pykeras-tl %s; they must be the same.", versions[[1]],
        versions[[2]]
      ), update(facts)
    )
  }
}

import_problem <- function(facts) {
  text <- paste("The packages of Python cannot be loaded:", sentence(facts$import_error))
  if (grepl("GLIBCXX|CXXABI|libstdc|undefined symbol|symbol lookup", facts$import_error)) {
    folders <- foreign_libraries(facts)
    where <- if (length(folders) > 0) paste0(" (", paste(folders, collapse = ", "), ")")
    return(problem(text, paste0(
      "R has loaded the libraries of another program", where, ". Start R without them in ",
      "LD_LIBRARY_PATH: leave conda environments first, or unset it."
    )))
  }
  if (grepl("DLL load failed", facts$import_error)) {
    return(problem(text, paste(
      "Install the Microsoft Visual C++ Redistributable (x64) from",
      "https://aka.ms/vs/17/release/vc_redist.x64.exe, and restart R."
    )))
  }
  problem(text, paste("Restart R.", reinstall))
}

# Folders in LD_LIBRARY_PATH of a conda environment or another Python.
foreign_libraries <- function(facts) {
  folders <- strsplit(facts$library_path, ":", fixed = TRUE)[[1]]
  own <- dirname(dirname(facts$python))
  foreign <- vapply(folders, function(folder) {
    !startsWith(folder, own) && (dir.exists(file.path(folder, "..", "conda-meta")) ||
      length(Sys.glob(file.path(folder, "libpython3*"))) > 0)
  }, NA)
  as.character(folders[foreign])
}

attached_problems <- function(facts) {
  if ("keras" %in% facts$attached) {
    problem("The package keras is attached, and its functions may hide those of kerastl.",
      "Restart R, and leave out library(keras)."
    )
  }
}

r_version <- function(name) {
  if (nzchar(system.file(package = name))) {
    as.character(utils::packageVersion(name))
  } else {
    NA_character_
  }
}

#' @export
print.kerastl_sitrep <- function(x, ...) {
  versions <- c(x$r_versions, x$python_versions)
  versions[is.na(versions)] <- "not installed"
  values <- c(
    R = x$r, Python = x$python, "Python version" = x$python_version,
    "Keras backend" = x$backend, versions,
    rlang::set_names(as.character(x$devices), rep("device", length(x$devices))), cache = x$cache
  )
  cat(sprintf("%-*s  %s", max(nchar(names(values))), names(values), values), sep = "\n")
  if (nrow(x$problems) == 0) {
    cat("\nNo problems were found.\n")
    return(invisible(x))
  }
  bullets <- rbind(x$problems$problem, x$problems$cure)
  # Nothing in the texts is for cli to interpret.
  bullets <- gsub("}", "}}", gsub("{", "{{", bullets, fixed = TRUE), fixed = TRUE)
  cat("\n")
  cat(cli::format_message(rlang::set_names(c(bullets), rep(c("x", "i"), nrow(x$problems)))),
    sep = "\n"
  )
  invisible(x)
}
