"""docs/python.md runs as it stands."""

import re

from finished_result import make

from workflow import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_every_block_runs_in_the_order_of_the_page(tmp_path, monkeypatch, capsys):
    make(tmp_path / "results", "balls")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 9
    scope: dict = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), scope)
    said = capsys.readouterr().out
    assert "results/balls: has no mixed volume of t = 0.3" in said
    assert scope["path"].shape == (11, 2, 3)
    assert scope["strain"].shape == (2, 6)
    assert scope["growth"].shape == (11, 2)
    assert scope["length"].shape == (12, 12, 12)
    assert scope["in_world_units"].units == scope["result"].units
