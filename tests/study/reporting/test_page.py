"""The page of a report: whole, safe, readable by machines that read to people, and the same for the same study."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from pages import Element, read_page
from study_example import Example, example

from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.reporting.page import render
from sleepdask.viz import style

TAGS = set(
    re.findall(
        r"\w+",
        "html head meta title style body a header p h1 span b div ul li dl dt dd nav main section h2 h3 table caption "
        "thead tbody tfoot tr th td pre code ol figure details summary abbr cite footer svg rect line text",
    )
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(2)</script>",
    "' onmouseover='alert(3)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "javascript:alert(4)",
    "]]><!-- <svg onload=alert(5)>",
)


def page_of(study: Example, **options: object) -> Element:
    return read_page(render(study.data(**options)))


def texts(page: Element, *tags: str) -> list[str]:
    return [each.text for each in page.all(*tags)]


STUDIES = {
    "whole": example(60),
    "unfinished": example(60, pending=25),
    "nothing run": replace(example(60, pending=60), summary=None),
    "no hypnograms": example(40, scored=False),
    "no groups": example(40, groups=()),
    "neither": example(40, groups=(), scored=False),
    "all failed": replace(
        example(3),
        outcomes=[RecordingOutcome(f"SC{4000 + k}", "failed", "ValueError", "no") for k in range(3)],
        summary=None,
    ),
    "one recording": example(1, groups=()),
    "no recordings": Example([], [], {}, None),
    "bare plan": replace(example(20), plan={}),
}


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_every_study_has_a_sound_page(study: Example) -> None:
    page = page_of(study)
    assert {each.tag for each in page.all()} <= TAGS
    assert page.one("html").attributes["lang"] == "en"
    assert [each.tag for each in page.all("h1")] == ["h1"]
    _check_headings(page)
    _check_tables(page)
    _check_pictures(page)
    _check_links(page)
    assert "nan" not in re.findall(r"\w+", page.one("body").text.lower())
    assert "none" not in {text.lower() for text in texts(page, "b", "code", "h1", "h2", "h3")}


def _check_headings(page: Element) -> None:
    levels = [int(each.tag[1]) for each in page.all("h1", "h2", "h3")]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(texts(page, "h1", "h2", "h3", "caption", "summary"))
    for section in page.all("section"):
        assert page.one("h2", id=section.attributes["aria-labelledby"])


def _check_tables(page: Element) -> None:
    for table in page.all("table"):
        assert next(each.tag for each in table.children if isinstance(each, Element)) == "caption"
        assert all("scope" in each.attributes for each in table.all("th"))
        widths = [len(list(row.all("th", "td"))) for row in table.one("thead").all("tr")]
        rows = [row for body in table.all("tbody", "tfoot") for row in body.all("tr")]
        spans = 0
        for row in rows:
            cells = list(row.all("th", "td"))
            assert len(cells) + (spans > 0) == widths[0], table.one("caption").text
            spans = max(spans - 1, *(int(each.attributes.get("rowspan", "1")) - 1 for each in cells))


def _check_pictures(page: Element) -> None:
    for picture in page.all("svg"):
        seen = picture.attributes.get("role") == "img" and picture.attributes["aria-label"]
        assert seen or picture.attributes["aria-hidden"] == "true"
        for each in picture.all("rect"):
            assert 0 <= float(each.attributes["width"].rstrip("%")) <= 100.01
        for name in ("x", "x1", "x2"):
            places = [each.attributes[name] for each in picture.all() if name in each.attributes]
            assert all(0 <= float(place.rstrip("%")) <= 100 for place in places)


def _check_links(page: Element) -> None:
    ids = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
    assert len(set(ids)) == len(ids)
    for element in page.all():
        assert not {"src", "style", "srcset", "action", "background"} & set(element.attributes)
        assert not [name for name in element.attributes if name.startswith("on") or "xlink" in name]
        link = element.attributes.get("href", "#main")
        assert link.startswith("https://doi.org/10.") or link[1:] in ids


def test_the_policy_of_the_page_lets_in_its_own_style_only() -> None:
    text = render(STUDIES["whole"].data())
    [css] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    [policy] = [
        each.attributes["content"]
        for each in read_page(text).all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|expression|</|http", css)


def test_the_style_has_the_colours_of_the_pictures_and_a_rule_for_every_class() -> None:
    text = render(STUDIES["unfinished"].data())
    [css] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    light = dict(re.findall(r"--([\w-]+): (#\w+);", css.split("@media")[0]))
    names = {"ink": style.INK, "line": style.GRID, "rest": style.NO_DATA, "red": style.REM, "blue": style.BLUE,
             "orange": style.ORANGE, "sky": style.SKY, "green": style.GREEN, "purple": style.PURPLE}  # fmt: skip
    assert {name: light[name] for name in names} == names
    used = {name for each in read_page(text).all() for name in each.attributes.get("class", "").split()}
    assert used - {"tick", "again", "group-0", "group-1"} <= set(re.findall(r"\.([a-z][\w-]*)", css))
    assert set(re.findall(r"var\(--([\w-]+)", css)) <= set(re.findall(r"--([\w-]+):", css))


def test_texts_from_files_stay_texts() -> None:
    study = example(30)
    marked = [f"{text} {k}" for k, text in enumerate(HOSTILE)]
    outcomes = [
        each.but(
            recording_id=each.recording_id,
            status=("failed", "partial", "ok")[k % 3],
            error_type=marked[k % 8],
            message=f"{marked[k % 8]}; expected {marked[(k + 1) % 8]}; found {marked[(k + 2) % 8]}; {marked[k % 8]}",
            worker=marked[k % 8],
            channels=("EEG", marked[k % 8]),
            missing_channels=(marked[(k + 1) % 8],),
            invalid_channels={marked[(k + 2) % 8]: marked[(k + 3) % 8]},
            stages={"W": 3, marked[k % 8]: 2},
            notes=(marked[(k + 4) % 8],),
            findings=(marked[(k + 5) % 8],),
        )
        for k, each in enumerate(study.outcomes)
    ]
    outcomes += [RecordingOutcome(text, "failed", "ValueError", text) for text in marked]
    entries = study.entries + [replace(study.entries[0], recording_id=text) for text in marked]
    entries = [replace(each, covariates={marked[0]: marked[k % 8]}) for k, each in enumerate(entries)]
    about = {"units": marked[1], "definition": marked[2], "reference": f"doi:10.1234/{marked[1]}"}
    plan = study.plan | {
        "title": marked[0],
        "created": marked[1],
        "command": [marked[0], marked[3]],
        "versions": {marked[0]: marked[2]},
        "options": {marked[1]: {marked[2]: [marked[3]]}},
        "features": [{"feature": marked[0], "version": marked[1], "parameters": {marked[2]: marked[3]}}],
        "harmonisation": {marked[3]: [marked[4]], marked[0]: {marked[1]: marked[2]}},
        "columns": {f"{text}/{text}": about for text in marked},
    }
    assert study.summary is not None
    summary = study.summary.rename(columns={"group": marked[0]}).head(120)
    summary["column"] = [f"{marked[k % 8]}/{marked[k % 8]}" for k in range(len(summary))]
    summary["stage"] = [marked[k // 8 % 8] for k in range(len(summary))]
    summary[marked[0]] = [marked[k // 64 % 8] for k in range(len(summary))]
    text = render(Example(outcomes, entries, plan, summary).data(location=marked[0]))
    page = read_page(text)
    assert {each.tag for each in page.all()} <= TAGS
    _check_links(page)
    _check_tables(page)
    assert "<script" not in text.lower().replace("&lt;script", "")
    assert page.one("h1").text == marked[0]
    everything = page.one("body").text
    assert all(" ".join(part.split()) in everything for part in marked)


@pytest.mark.parametrize("odd", ["\ud800", "\x00\x1b[31m", "\u202egnp.exe", "Schläfchen 睡眠 😴 é", "a\nb\tc"])
def test_odd_characters_can_be_written_and_change_no_direction(odd: str) -> None:
    study = example(6)
    outcomes = [
        each.but(status="failed", error_type="ValueError", message=f"label {odd} unknown") for each in study.outcomes
    ]
    text = render(replace(study, outcomes=outcomes, plan=study.plan | {"title": f"a {odd}"}).data(location=odd))
    assert read_page(text.encode().decode()).one("h1").text.startswith("a")
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert ("睡眠 😴" in text) == ("睡眠" in odd)


def test_equal_studies_have_equal_bytes_in_every_process() -> None:
    code = "; ".join(
        [
            "from study_example import example",
            "from sleepdask.study.reporting.page import render",
            "print(render(example(40).data()))",
        ]
    )
    path = os.pathsep.join(each for each in sys.path if each)
    pages = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path},
        ).stdout
        for seed in ("1", "2")
    }
    assert pages == {(render(example(40).data()) + "\n").encode()}


def test_a_page_of_ten_thousand_recordings_stays_small_and_counts_all() -> None:
    study = example(10_000)
    outcomes = [
        each.but(status="failed", error_type="ValueError", message=f"problem {'abcdefghij'[k % 10] * (k % 97)}")
        if k % 4 == 0
        else each.but(
            channels=(*each.channels, f"label {k}"), worker=f"worker {k}", findings=(f"odd {'x' * (k % 500)}",)
        )
        for k, each in enumerate(study.outcomes)
    ]
    text = render(replace(study, outcomes=outcomes).data())
    assert len(text.encode()) < 2_000_000
    page = read_page(text)
    listed = sum(
        int(each.text.split()[0].replace(",", "")) for each in page.all("p") if each.attributes.get("class") == "many"
    )
    [rest] = [each.text for each in page.all("p") if each.text.startswith("Less frequent causes")]
    listed += sum(int(number.replace(",", "")) for number in re.findall(r"([\d,]+) recordings? with", rest))
    assert listed == sum(each.status in ("failed", "lost") for each in outcomes)


def test_an_unfinished_study_says_how_to_go_on() -> None:
    page = page_of(STUDIES["unfinished"])
    [callout] = [each for each in page.all("div") if each.attributes.get("class") == "callout"]
    assert callout.text.startswith("Not finished: 25 recordings are not yet done (58 % done).")
    assert callout.one("code").text.startswith(
        "sleepdask study run recordings.csv -o sleep-cohort --features bandpower,"
    )
    assert "Not finished" not in page_of(STUDIES["whole"]).text


def test_without_a_command_in_the_plan_the_page_tells_python() -> None:
    page = page_of(replace(STUDIES["all failed"], plan={}), location="my study")
    assert "sleepdask.Study.open('my study').run()" in texts(page, "code")
    assert "sleepdask.Study.open('my study').run(retry_failed=True)" in texts(page, "code")


def test_a_study_of_which_nothing_was_run_says_so() -> None:
    page = page_of(STUDIES["nothing run"])
    assert "60 recordings, none of them run yet." in texts(page, "p")
    assert "Nothing was run yet." in texts(page, "p")
    assert "Quality" not in texts(page, "h2")
    assert "Definitions" in texts(page, "h2")


def test_the_head_counts_what_became_of_the_recordings() -> None:
    study = STUDIES["whole"]
    counts = {
        status: sum(each.status == status for each in study.outcomes) for status in ("ok", "partial", "failed", "lost")
    }
    page = page_of(study)
    [legend, *_] = [each for each in page.all("ul") if each.attributes.get("class") == "legend"]
    numbers = dict(re.findall(r"(complete|partial|failed|lost|not yet done) (\d+)", legend.text))
    assert numbers == {
        "complete" if name == "ok" else name: str(n) for name, n in counts.items() if n or name == "failed"
    }
    assert f"{counts['ok'] + counts['partial']} of 60 recordings have features" in page.one("header").text


def test_a_study_without_scores_or_groups_has_no_words_of_them() -> None:
    page = page_of(STUDIES["neither"])
    assert "No recording has scored stages." in texts(page, "p")
    assert "Recordings by group" not in texts(page, "h2")
    assert any(text.startswith("Over all epochs of all recordings: ") for text in texts(page, "p"))
