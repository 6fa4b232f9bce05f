# Runs of training scripts, in the folders and files that the package tfruns uses.

#' Flags of a training script
#'
#' A script reads its settings with `flags()`. [training_run()] and the command line
#' (`Rscript train.R --epochs 20`) set them, and so does a file `flags.yml`.
#'
#' @param ... Flags, made by `flag_integer()` and the like.
#' @param config Section of the file to use, if it has several.
#' @param file YAML file with values; `flags.yml` if that exists.
#' @param arguments Arguments of the command line.
#' @param name Name of the flag.
#' @param default Value if it is not set.
#' @param description What it means.
#' @returns `flags()` returns a named list of values.
#' @export
#' @examples
#' FLAGS <- flags(
#'   flag_integer("epochs", 10, "Number of epochs"),
#'   flag_numeric("dropout", 0.4),
#'   flag_string("backbone", "vgg16"),
#'   flag_boolean("augment", TRUE)
#' )
#' FLAGS$dropout
flags <- function(..., config = Sys.getenv("R_CONFIG_ACTIVE", unset = "default"),
                  file = "flags.yml", arguments = commandArgs(TRUE)) {
  defined <- list(...)
  for (flag in defined) {
    if (!inherits(flag, "kerastl_flag")) {
      cli::cli_abort("{.arg ...} must be flags, such as {.fn flag_numeric} returns, not
                      {describe(flag)}.")
    }
  }
  names <- vapply(defined, `[[`, "", "name")
  given <- utils::modifyList(flags_of_file(file, config), flags_of_arguments(arguments))
  given <- utils::modifyList(given, the$flags %||% list())
  values <- lapply(defined, function(flag) {
    if (flag$name %in% names(given)) flag_value(given[[flag$name]], flag) else flag$default
  })
  values <- rlang::set_names(values, names)
  the$used_flags <- values
  if (!is.null(the$run_dir)) {
    write_run("flags", values)
  }
  values
}

flags_of_file <- function(file, config) {
  if (is.null(file) || !file.exists(file)) {
    return(list())
  }
  rlang::check_installed("yaml", "to read flags from a file.")
  values <- yaml::read_yaml(file)
  section <- values[[config]]
  if (is.list(section)) utils::modifyList(values[["default"]] %||% list(), section) else values
}

# `--epochs 20` and `--epochs=20`.
flags_of_arguments <- function(arguments) {
  values <- list()
  position <- 1
  while (position <= length(arguments)) {
    text <- arguments[position]
    if (grepl("^--[^=]+=", text)) {
      values[[sub("^--([^=]+)=.*$", "\\1", text)]] <- sub("^--[^=]+=", "", text)
    } else if (startsWith(text, "--") && position < length(arguments)) {
      position <- position + 1
      values[[substring(text, 3)]] <- arguments[position]
    }
    position <- position + 1
  }
  rlang::set_names(values, gsub("-", "_", names(values), fixed = TRUE))
}

flag_value <- function(value, flag) {
  converted <- suppressWarnings(switch(flag$type,
    integer = as.integer(value), numeric = as.numeric(value), string = as.character(value),
    boolean = as.logical(value)
  ))
  if (length(converted) != 1 || is.na(converted)) {
    cli::cli_abort("The flag {.val {flag$name}} must be {flag$type}, not {describe(value)}.",
      call = NULL
    )
  }
  converted
}

make_flag <- function(type, name, default, description) {
  check_string(name)
  flag <- list(type = type, name = name, description = description)
  flag["default"] <- list(if (is.null(default)) NULL else flag_value(default, flag))
  structure(flag, class = "kerastl_flag")
}

#' @rdname flags
#' @export
flag_integer <- function(name, default, description = NULL) {
  make_flag("integer", name, default, description)
}

#' @rdname flags
#' @export
flag_numeric <- function(name, default, description = NULL) {
  make_flag("numeric", name, default, description)
}

#' @rdname flags
#' @export
flag_string <- function(name, default, description = NULL) {
  make_flag("string", name, default, description)
}

#' @rdname flags
#' @export
flag_boolean <- function(name, default, description = NULL) {
  make_flag("boolean", name, default, description)
}

#' Run training scripts and compare the runs
#'
#' `training_run()` runs a script in a folder of its own, with flags that the script reads by
#' [flags()], and keeps the metrics of each `fit()` and `evaluate()`. `tuning_run()` does so for all
#' combinations of flags. `ls_runs()` lists the runs, the best first where it is told the metric.
#' The package tfruns uses the same folders; where it is installed, its functions show these runs
#' too.
#'
#' @param file The script.
#' @param flags A named list of flags; for `tuning_run()` of vectors of values.
#' @param run_dir Folder of the run; a new one below `runs` by default.
#' @param runs_dir Folder of all runs.
#' @param envir Environment to run the script in.
#' @param sample Fraction of the combinations to run, at random.
#' @param confirm Ignored.
#' @param echo Whether to print the script's lines.
#' @param subset A condition on the columns, such as `eval_accuracy > 0.9`.
#' @param order Columns to sort by, such as `eval_accuracy`; by default the start.
#' @param decreasing Whether the largest come first.
#' @returns A data frame of runs: `run_dir`, `flag_*`, `metric_*` (of the last epoch), `eval_*` and
#'   `start`. `training_run()` returns its own row, invisibly. `run_dir()` returns the folder of the
#'   run that is under way, or the working directory.
#' @export
#' @examplesIf kerastl::is_keras_available()
#' script <- tempfile(fileext = ".R")
#' writeLines(c(
#'   "FLAGS <- flags(flag_integer('units', 2))",
#'   "model <- keras_model_sequential(input_shape = 2) %>% layer_dense(FLAGS$units)",
#'   "model %>% compile('sgd', 'mse')",
#'   "model %>% fit(matrix(1:4, 2), matrix(0, 2, FLAGS$units), epochs = 2, verbose = 0)"
#' ), script)
#' folder <- tempfile()
#' tuning_run(script, flags = list(units = c(1, 3)), runs_dir = folder)
#' ls_runs(order = metric_loss, decreasing = FALSE, runs_dir = folder)
training_run <- function(file = "train.R", flags = NULL, run_dir = NULL, runs_dir = "runs",
                         envir = parent.frame(), echo = FALSE) {
  file <- file_path(file)
  if (!file.exists(file)) {
    cli::cli_abort("The script {.file {file}} does not exist.")
  }
  folder <- run_dir %||% new_run_dir(runs_dir)
  dir.create(file.path(folder, "tfruns.d"), recursive = TRUE, showWarnings = FALSE)
  before <- mget(c("flags", "run_dir"), envir = the, ifnotfound = list(NULL))
  on.exit(list2env(before, the))
  the$flags <- as.list(flags)
  the$run_dir <- normalizePath(folder)
  write_run("flags", as.list(flags))
  started <- Sys.time()
  write_run("properties", list(
    script = basename(file), start = as.numeric(started), type = "training"
  ))
  source(file, local = new.env(parent = envir), echo = echo)
  write_run("properties", list(
    script = basename(file), start = as.numeric(started), end = as.numeric(Sys.time()),
    completed = TRUE, type = "training"
  ))
  invisible(run_table(the$run_dir))
}

#' @rdname training_run
#' @export
tuning_run <- function(file = "train.R", flags = NULL, sample = NULL, runs_dir = "runs",
                       confirm = FALSE, envir = parent.frame(), echo = FALSE) {
  grid <- expand.grid(flags, stringsAsFactors = FALSE)
  rows <- seq_len(max(nrow(grid), 1))
  if (!is.null(sample)) {
    rows <- sort(base::sample(rows, max(1, round(length(rows) * sample))))
  }
  tables <- lapply(rows, function(row) {
    values <- lapply(as.list(grid), `[[`, row)
    training_run(file, values, runs_dir = runs_dir, envir = envir, echo = echo)
  })
  invisible(bind_runs(tables))
}

#' @rdname training_run
#' @export
ls_runs <- function(subset = NULL, order = "start", decreasing = TRUE,
                    runs_dir = getOption("tfruns.runs_dir", "runs")) {
  folders <- list.dirs(runs_dir, recursive = FALSE)
  folders <- folders[dir.exists(file.path(folders, "tfruns.d"))]
  table <- bind_runs(lapply(folders, run_table))
  if (nrow(table) == 0) {
    return(table)
  }
  keep <- eval(substitute(subset), table, parent.frame())
  if (!is.null(keep)) {
    table <- table[keep & !is.na(keep), , drop = FALSE]
  }
  columns <- all.vars(substitute(order))
  if (length(columns) == 0) {
    columns <- as.character(order)
  }
  columns <- vapply(columns, run_column, "", names = names(table))
  sorted <- do.call(base::order, c(unname(as.list(table[columns])), decreasing = decreasing))
  table <- table[sorted, , drop = FALSE]
  rownames(table) <- NULL
  table[c(unique(c("run_dir", columns)), setdiff(names(table), c("run_dir", columns)))]
}

#' @rdname training_run
#' @export
latest_run <- function(runs_dir = getOption("tfruns.runs_dir", "runs")) {
  utils::head(ls_runs(runs_dir = runs_dir), 1)
}

#' @rdname training_run
#' @export
run_dir <- function() the$run_dir %||% getwd()

# `metric_val_acc` is `metric_val_accuracy`, and `val_acc` too.
run_column <- function(name, names) {
  for (prefix in c("", "metric_", "eval_", "flag_")) {
    full <- paste0(prefix, name)
    other <- if (grepl("acc$", full)) paste0(full, "uracy") else sub("accuracy$", "acc", full)
    found <- intersect(c(full, other), names)
    if (length(found) > 0) {
      return(found[1])
    }
  }
  cli::cli_abort("{.arg order} must be among the columns {.val {names}}, not {.val {name}}.",
    call = NULL
  )
}

new_run_dir <- function(runs_dir) {
  base <- format(Sys.time(), "%Y-%m-%dT%H-%M-%SZ", tz = "UTC")
  folders <- file.path(runs_dir, c(base, paste0(base, "-", 1:999)))
  folders[!file.exists(folders)][1]
}

# What fit() and evaluate() found, for the run that is under way: ours or that of tfruns.
record_run <- function(kind, values) {
  values <- lapply(as.list(unclass(values)), as.numeric)
  if (!is.null(the$run_dir)) {
    write_run(kind, values)
  }
  if (isNamespaceLoaded("tfruns")) {
    tfruns <- asNamespace("tfruns")
    if (isTRUE(tfruns$is_run_active())) {
      tfruns$write_run_metadata(kind, if (kind == "metrics") as.data.frame(values) else values)
    }
  }
}

write_run <- function(kind, values) {
  text <- reticulate::import("json")$dumps(json_values(values))
  writeLines(text, file.path(the$run_dir, "tfruns.d", paste0(kind, ".json")))
}

# Series of numbers are lists in JSON even if they have one element.
json_values <- function(values) {
  if (length(values) == 0) {
    return(reticulate::dict())
  }
  lapply(values, function(value) {
    if (is.numeric(value)) {
      value <- ifelse(is.finite(value), value, NA)
    }
    if (length(value) > 1) as.list(value) else value
  })
}

read_run <- function(folder, kind) {
  file <- file.path(folder, "tfruns.d", paste0(kind, ".json"))
  if (!file.exists(file)) {
    return(list())
  }
  text <- paste(readLines(file, warn = FALSE), collapse = "\n")
  values <- reticulate::import("json")$loads(text)
  if (is.null(names(values))) list() else values
}

run_table <- function(folder) {
  last <- function(values) {
    values <- unlist(values)
    if (length(values) > 0) values[[length(values)]] else NA
  }
  named <- function(kind, prefix) {
    values <- lapply(read_run(folder, kind), last)
    rlang::set_names(values, if (length(values) > 0) paste0(prefix, names(values)))
  }
  properties <- read_run(folder, "properties")
  as.data.frame(c(
    list(run_dir = folder), named("evaluation", "eval_"), named("metrics", "metric_"),
    named("flags", "flag_"),
    list(
      start = as.POSIXct(as.numeric(properties$start %||% NA), origin = "1970-01-01", tz = "UTC"),
      completed = isTRUE(properties$completed), script = properties$script %||% NA_character_
    )
  ), stringsAsFactors = FALSE, optional = TRUE)
}

# Runs may have different flags and metrics.
bind_runs <- function(tables) {
  columns <- unique(unlist(lapply(tables, names)))
  tables <- lapply(tables, function(table) {
    table[setdiff(columns, names(table))] <- NA
    table[columns]
  })
  do.call(rbind, tables) %||% data.frame(run_dir = character())
}
