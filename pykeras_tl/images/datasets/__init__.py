"""From folders, tables and files of other projects to a table of images."""
