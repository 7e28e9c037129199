"""The recorded tables belong to the presets as they are, and can be measured again.

The full measurement is ``python -m gan_course.toy.measured``; here it is done at a reduced size,
with seeds that no table has.
"""

import json

import pytest

from gan_course.errors import CourseError
from gan_course.toy import PRESETS
from gan_course.toy.measured import (
    GAMES,
    RATES,
    REMEDIES,
    SEEDS,
    main,
    measure_remedy,
    recorded,
)

FRESH = [301, 302]


def test_the_record_is_of_the_presets_as_they_are():
    """A preset that has changed since must be measured again."""
    presets = recorded()["presets"]
    assert list(presets) == list(PRESETS)
    for name, preset in PRESETS.items():
        row = presets[name]
        assert (row["rule"], row["steps"]) == (preset.rule_text, preset.steps), name
        assert list(row["repairs"]) == [repair.name for repair in preset.repairs], name
        for repair in preset.repairs:
            told = row["repairs"][repair.name]
            assert (told["rule"], told["helps"]) == (repair.rule_text, repair.helps)
            assert told["changes"] == dict(repair.changes), (name, repair.name)
        assert set(preset.shows) <= set(row), name


def test_every_preset_and_repair_did_what_is_said_in_11_of_12():
    for name, row in recorded()["presets"].items():
        for what, told in {"preset": row, **row["repairs"]}.items():
            assert told["of"] == SEEDS and told["held"] >= 11, (name, what)


def test_every_remedy_was_tried_on_every_game_with_the_same_seeds():
    table = recorded()["remedies"]
    assert list(table) == list(GAMES)
    for game, rows in table.items():
        assert list(rows) == list(REMEDIES), game
        assert {row["of"] for row in rows.values()} == {SEEDS}
    for rows in recorded()["rates"].values():
        assert list(rows) == [f"{d:g} {g:g}" for d in RATES for g in RATES]


# One clear yes and one clear no, each seconds; all others: the command.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("game", "remedy", "well"),
    [("vanishing", "strong_noise", True), ("vanishing", "strong_r1", False)],
)
def test_measured_again_with_fresh_seeds(game, remedy, well):
    row = recorded()["remedies"][game][remedy]
    assert row["held"] == (SEEDS if well else 0)
    assert [result["holds"] for result in measure_remedy(game, remedy, FRESH)] == [well, well]


def test_an_unknown_game_or_remedy_is_told():
    with pytest.raises(CourseError, match="there is no 'x' here; choose one of plain_ring"):
        measure_remedy("x", "r1", [0])
    with pytest.raises(CourseError, match="there is no 'x' here; choose one of nothing"):
        measure_remedy("collapse", "x", [0])


def test_the_command_writes_what_recorded_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gan_course.toy.measured.PRESETS", {"orbit": PRESETS["orbit"]})
    file = tmp_path / "measured.json"
    assert main(["--only", "presets", "--seeds", "1", "--output", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["seeds"] == 1 and found["presets"]["orbit"]["held"] == 1
    least, middle, most = found["presets"]["orbit"]["radius_factor"]
    assert least == middle == most == pytest.approx(1.65, abs=0.05)
    assert found["presets"]["orbit"]["repairs"]["r1"]["helps"] is True
    assert "presets orbit" in capsys.readouterr().out


def test_no_seeds_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--seeds", "0"])
    assert "--seeds" in capsys.readouterr().err
