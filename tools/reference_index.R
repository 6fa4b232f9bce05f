# Checks that r/_pkgdown.yml lists every exported topic, and only topics that exist. Exits with
# status 1 if not.
topics <- lapply(list.files("r/man", "\\.Rd$", full.names = TRUE), function(file) {
  lines <- readLines(file)
  value <- function(tag) {
    matches <- grep(paste0("^\\\\", tag, "\\{"), lines, value = TRUE)
    gsub("\\\\", "", sub(paste0("^\\\\", tag, "\\{(.*)\\}$"), "\\1", matches))
  }
  list(
    name = value("name"), aliases = value("alias"), package = "package" %in% value("docType")
  )
})
index <- unlist(lapply(yaml::read_yaml("r/_pkgdown.yml")$reference, `[[`, "contents"))
listed <- vapply(topics, function(topic) any(c(topic$name, topic$aliases) %in% index), NA)
documented <- unlist(lapply(topics, `[[`, "aliases"))

# The package's own page is not part of the index.
missing <- vapply(topics[!listed], function(topic) if (topic$package) "" else topic$name, "")
unknown <- setdiff(index, c(documented, vapply(topics, `[[`, "", "name")))
exports <- sub("^export\\(\"?(.*?)\"?\\)$", "\\1", grep("^export\\(", readLines("r/NAMESPACE"),
  value = TRUE
), perl = TRUE)
undocumented <- setdiff(exports, documented)

problems <- c(
  sprintf("Not in r/_pkgdown.yml: %s", missing[nzchar(missing)]),
  sprintf("In r/_pkgdown.yml, but not in r/man: %s", unknown),
  sprintf("Exported, but not documented: %s", undocumented)
)
if (length(problems) > 0) {
  writeLines(problems)
  quit(status = 1)
}
