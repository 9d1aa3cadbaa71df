"""Numbers after --config."""

from snakemake.cli import parse_config

from xct4d.workflow.command_line import with_numbers


def test_numbers_of_the_command_line_are_numbers():
    given = parse_config(["export={dtype: uint8, window: [0, 2.5], series: false}", "seed=3"])
    found = with_numbers(given | {"mixing": {"alpha": "0.5"}}, given)
    assert found == {"export": {"dtype": "uint8", "window": [0, 2.5], "series": False}, "seed": 3, "mixing": {"alpha": "0.5"}}
    assert type(found["export"]["window"][0]) is int


def test_text_of_a_file_stays_text():
    assert with_numbers({"export": {"window": ["0", "2"], "dtype": "uint8"}}, {"export": {"dtype": "uint8"}}) == {
        "export": {"window": ["0", "2"], "dtype": "uint8"}
    }
