"""Labels and numbers read from tables: text, lists and columns mean the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pykeras_tl.images.datasets.label_tables import read_label_table, read_labels, read_target

_label = st.text(
    st.characters(blacklist_characters=";|", blacklist_categories=("Cs", "Cc")), min_size=1
).filter(lambda text: text.strip() == text)
_rows = st.lists(st.lists(_label, max_size=4), min_size=1, max_size=8)


@given(_rows.filter(lambda rows: len(set().union(*rows)) > 1), st.sampled_from([";", "; ", " ;"]))
def test_text_lists_and_columns_are_read_alike(rows, separator):
    matrix, names = read_labels(pd.DataFrame({"labels": rows}), "labels")
    assert names == sorted(set().union(*rows))
    assert [{names[i] for i in np.flatnonzero(row)} for row in matrix] == [set(r) for r in rows]
    texts = pd.DataFrame({"labels": [separator.join(row) for row in rows]})
    columns = pd.DataFrame(matrix.astype(int), columns=names)
    for table, y_col in ((texts, "labels"), (columns, names)):
        again, same = read_labels(table, y_col)
        assert same == names
        assert (again == matrix).all()


@pytest.mark.parametrize(
    ("table", "y_col", "message"),
    [
        ({"labels": ["a|b", "c"]}, "labels", r"Pass separator='\|'"),
        ({"labels": ["a", "a"]}, "labels", "at least two labels"),
        ({"labels": [None]}, "labels", "at least two labels"),
        ({"tags": ["a;b"]}, "labels", r"column 'labels'.*\['tags'\]"),
        ({"a": [0, 2], "b": [1, 0]}, ["a", "b"], "0 or 1.*'a'.*2"),
        ({"a": [0, 1]}, ["a"], "two or more different columns"),
    ],
)
def test_what_is_no_label_is_refused(table, y_col, message):
    with pytest.raises(ValueError, match=message):
        read_labels(pd.DataFrame(table), y_col)


def test_a_row_without_a_number_is_named():
    table = pd.DataFrame({"filename": ["a.png", "b.png"], "age": ["3", "old"]})
    with pytest.raises(ValueError, match=r"1 of 2 rows, such as 'old' of b\.png"):
        read_target(table, "age")


def test_csv_file_folder_and_data_frame(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    for name in ("001", "002"):
        Image.new("RGB", (4, 4)).save(tmp_path / "images" / f"{name}.png")
    table = pd.DataFrame(
        {"file": ["001.png", "002.png"], "labels": ["NA", "b"], "sharp": [True, False]}
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    table.to_csv(tmp_path / "images" / "table.csv", index=False, encoding="utf-8-sig")
    files = [str(tmp_path / "images" / name) for name in table["file"]]
    folder = tmp_path / "images"
    for data, directory in ((table, folder), (tmp_path / "table.csv", folder),
                            (folder / "table.csv", None)):  # fmt: skip
        read = read_label_table(data, directory, "file")
        assert read["filename"].tolist() == files
        assert read_labels(read, "labels")[1] == ["NA", "b"]
        read["blurred"] = ["0", "1"]
        assert read_labels(read, ["sharp", "blurred"])[0].tolist() == [[True, False], [False, True]]
    monkeypatch.chdir(folder)
    assert read_label_table(table, x_col="file")["filename"].tolist() == files
    with pytest.raises(FileNotFoundError, match=r"Missing: 2 of 2, such as 001\.png"):
        read_label_table(table, tmp_path, "file")
    with pytest.raises(ValueError, match="one row for each image"):
        read_label_table(pd.concat([table, table]), folder, "file")
    with pytest.raises(ValueError, match="Received: the folder"):
        read_label_table(folder)
