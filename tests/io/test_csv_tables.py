"""Tables of named numbers: read as people write them, refused in one line."""

import math

import pytest

from xct4d.errors import InputError
from xct4d.io.csv_tables import read_named_rows, write_table

LAYOUTS = (("x", "y", "z"), ("x1", "y1", "z1", "x2", "y2", "z2"))


def read(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return read_named_rows(path, LAYOUTS)


def test_columns_may_stand_in_any_order_and_names_may_be_missing(tmp_path):
    rows = read(tmp_path, "\ufeffZ, Name ,x,y\n# a remark\n3,tip,1,2\n\n6,,4,5\n")
    assert rows.columns == ("x", "y", "z")
    assert rows.names == ["tip", "2"]
    assert rows.numbers == [[1, 2, 3], [4, 5, 6]]
    assert read(tmp_path, "x1,y1,z1,x2,y2,z2\n1,2,3,4,5,6").numbers == [[1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns of an empty file; begin it with name,x,y,z or name,x1"),
        ("x,y\n1,2", "has the columns x,y; begin it with"),
        ("x,y,z\n", "lists nothing"),
        ("x,y,z\n1,2", "row 1: has 2 cells for 3 columns"),
        ("x,y,z\n1,2,3\n1,two,3", "row 2: y: must be a number, not 'two'"),
        ("x,y,z\n1,nan,3", "row 1: y: must be a number, not 'nan'"),
        ("name,x,y,z\na,1,2,3\na,1,2,3", "names two rows a"),
        ('x,y,z\n"1,2,3', "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_missing_table_says_what_to_write(tmp_path):
    with pytest.raises(InputError, match="nothing.csv: does not exist; write a table with the columns name,x,y,z or name,x1"):
        read_named_rows(tmp_path / "nothing.csv", LAYOUTS)


def test_a_table_is_written_with_six_digits_and_gaps_for_nan(tmp_path):
    write_table(tmp_path / "out.csv", {"name": ["a,b", "c"], "x": [1 / 3, math.nan]})
    assert (tmp_path / "out.csv").read_text() == 'name,x\n"a,b",0.333333\nc,\n'
