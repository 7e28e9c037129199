"""The glossary: every term leads to a lesson that has it and to a line that exists."""

import re
from pathlib import Path

import pytest
import yaml

from gan_course.labs import Glossary
from gan_course.labs.glossary import _find, as_html, search, terms

ROOT = Path(__file__).parent.parent.parent


def test_there_are_many_terms_each_in_three_languages_and_none_twice():
    names = [term.name.casefold() for term in terms()]
    assert len(names) >= 100
    assert names == sorted(set(names))
    for term in terms():
        assert re.search(r"[A-Za-z]", term.name)
        assert term.japanese.strip() and term.chinese.strip()
        assert len(term.meaning) > 30 and term.meaning.endswith(".")


def test_the_two_other_languages_are_what_they_say():
    kana, han = r"[\u3040-\u30ff]", r"[\u4e00-\u9fff]"
    assert sum(bool(re.search(kana, term.japanese)) for term in terms()) > len(terms()) * 0.6
    assert not [term.name for term in terms() if re.search(kana, term.chinese)]
    assert sum(bool(re.search(han, term.chinese)) for term in terms()) > len(terms()) * 0.9


def entries() -> list[dict]:
    return yaml.safe_load((ROOT / "gan_course/labs/glossary.yml").read_text(encoding="utf-8"))


def test_no_comma_has_cut_a_name_in_two():
    """In the file, what follows a comma without quotes would be an entry of its own."""
    known = {"term", "ja", "zh", "lesson", "says", "code", "is"}
    assert [entry["term"] for entry in entries() if not set(entry) <= known] == []


def as_said() -> dict[str, str]:
    """Term -> what its lesson calls it."""
    return {x["term"]: x.get("says") or re.sub(r" \(.*?\)", "", x["term"]) for x in entries()}


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_a_term_leads_to_a_lesson_that_speaks_of_it(term):
    text = (ROOT / "lessons" / term.lesson / "lesson.py").read_text(encoding="utf-8")
    said = as_said()[term.name].casefold()
    assert said in re.sub(r"\n# ", " ", text).casefold(), f"{term.lesson} never says {said!r}"
    assert term.line in (ROOT / "gan_course" / term.file).read_text(encoding="utf-8")


def test_a_line_of_code_is_code_and_no_sentence_of_a_docstring():
    found = [term.line.split("  #")[0] for term in terms()]
    assert [
        line
        for line in found
        if line.endswith(".") or re.search("``|[a-z] [a-z]+ [a-z]+ [a-z]+ ", line)
    ] == []


def test_a_line_that_is_gone_is_an_error_that_names_it():
    with pytest.raises(LookupError, match=r"losses.py has no line with 'def no_such_loss'"):
        _find("losses.py", "def no_such_loss")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("COLLAPSE", "mode collapse"),
        ("畳み込み", "convolution (Conv2d)"),
        ("梯度", "gradient"),
        ("ｌｏｇｉｔ", "logit"),  # full width, as a Japanese keyboard writes it
        ("13 confidence", "confidence interval"),
    ],
)
def test_search_finds_it_in_any_language(query, name):
    assert name in [term.name for term in search(query)]


def test_all_words_must_fit_and_no_query_leaves_all():
    assert search("") == terms()
    assert len(search("loss hinge")) < len(search("loss")) < len(terms())
    assert search("there is no such word") == ()
    assert "No term" in as_html(())


def test_the_table_links_to_files_that_exist_and_escapes():
    html = as_html(terms())
    links = re.findall(r'href="([^"]+)"', html)
    assert len(links) == 2 * len(terms())
    for link in set(links):
        assert (ROOT / "notebooks" / link).resolve().is_file(), link
    assert "<script" not in as_html(search("gradient"))
    assert html.count("<tr>") == len(terms()) + 1


def test_the_widget_follows_the_query():
    lab = Glossary()
    box, count, table = lab.ui().children
    everything = table.outputs[0]["data"]["text/html"]
    box.value = "spectral"
    assert lab.query == "spectral"
    assert table.outputs[0]["data"]["text/html"] == as_html(search("spectral")) != everything
    assert f"{len(search('spectral'))} of {len(terms())} terms" in count.value
    assert lab._repr_mimebundle_()["text/html"] == as_html(search("spectral"))
