"""The page holds the report's numbers, loads nothing, runs nothing, and shows any name as text."""

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from plait.evaluation.baselines import baselines
from plait.evaluation.charts import display_width, learning_curves, matrix, reliability, shorten, ticks
from plait.evaluation.page import duration, file_size, page
from plait.evaluation.report import percent, strict
from plait.evaluation.scores import classification_scores, several_label_scores

from .samples import digits, digits_report, history, png, report, several_answers, transcript_report

SOURCES = ("data:image/png;base64,", "data:audio/wav;base64,")
VOID = {"meta", "link", "img", "br", "hr", "input"}
EVIL = [
    "<script>alert(1)</script>",
    "a\"b'c",
    "</style>",
    "&amp;",
    "{{ 7*7 }}",
    "很长的类别名称",
    "a/b",
    "'><img src=x>",
    " ",
    "x" * 300,
]


class Reader(HTMLParser):
    """Every element and the text; fails on elements that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


def read(given: dict[str, Any]) -> Reader:
    reader = Reader()
    reader.feed(page(strict(given)))
    reader.close()
    assert reader.open == []
    return reader


def made_up(classes: int, examples: int, names: list[str] | None = None) -> dict[str, Any]:
    generator = np.random.default_rng(classes)
    targets = generator.integers(0, classes, examples)
    logits = generator.normal(size=(examples, classes)) + 2.0 * np.eye(classes)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = names or [f"class {number}" for number in range(classes)]
    return report(classification_scores(targets, probabilities, names), [])


def perfect() -> dict[str, Any]:
    targets = np.arange(50) % 10
    return report(classification_scores(targets, 0.9 * np.eye(10)[targets] + 0.01, list("0123456789")), [])


def several() -> dict[str, Any]:
    train, _, test, _ = digits()
    wanted, targets, probabilities = several_answers()
    scores = several_label_scores(targets, probabilities, ["even", "small", "round"])
    mistake = {"input": "a.png", "target": ["even", "small"], "prediction": [], "probability": 0.4}
    return report(scores, baselines(train, wanted, test, targets)) | {
        "mistakes": [mistake | {"thumbnail": png(test[0])}]
    }


def bare() -> dict[str, Any]:
    return {
        "task": "image-classification",
        "metric": "accuracy",
        "value": 0.5,
        "low": 0.1,
        "high": 0.9,
        "examples": 4,
    }


REPORTS = {
    "ten": digits_report,
    "sixty": lambda: made_up(60, 1500, [f"很长的中文类别名称 long name {number}" for number in range(60)]),
    "three hundred": lambda: made_up(300, 900),
    "two": lambda: made_up(2, 40),
    "perfect": perfect,
    "several": several,
    "bare": bare,
    "words": transcript_report,
    "characters": lambda: transcript_report(
        "character", [("今天天气", "今天 天汽", None), ("a b", "ab", "甲")]
    ),
    "evil words": lambda: transcript_report("word", [(one.strip() or "a", f"{one}?", one) for one in EVIL]),
    "evil": lambda: digits_report(EVIL),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_loads_and_runs_nothing(name: str) -> None:
    given = REPORTS[name]()
    reader = read(given)
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, attributes in reader.elements:
        assert not [key for key in attributes if key.startswith("on")]
        assert (attributes.get("src") or SOURCES[0]).startswith(SOURCES)
        assert "href" not in attributes
    style = next(word for word in reader.words if "--paper" in word)
    assert "url(" not in style
    assert "@import" not in style
    assert percent(given["value"], given["examples"])[:-2] in reader.text


def test_names_are_shown_as_they_are() -> None:
    given = digits_report(EVIL)
    given["left_out"] = [
        {"kind": "<i>", "file": "<script>2</script>.png", "message": "<b>", "row": 3, "error": True}
    ]
    given["environment"] = {"<u>": "<s>"}
    given["recipe"] = "</pre><script>3</script>"
    given["mistakes"][0]["thumbnail"] = 'https://example.com/x.png" onerror="alert(1)'
    reader = read(given)
    text = "".join(reader.words)
    for name in (*EVIL, "<script>2</script>.png", "</pre><script>3</script>", "<u>", "<s>"):
        assert name in text
    tags = [tag for tag, _ in reader.elements]
    assert not {"script", "u", "s"} & set(tags)
    assert tags.count("style") == 1
    assert tags.count("img") == len(given["mistakes"]) - 1
    assert "example.com" not in page(strict(given))


def test_every_number_of_the_digits_is_on_the_page() -> None:
    given = digits_report()
    text = read(given).text
    shown = [
        given["value"],
        given["low"],
        given["high"],
        given["scores"]["macro_f1"],
        *(b["value"] for b in given["baselines"]),
    ]
    shown += [one[key] for one in given["scores"]["classes"] for key in ("precision", "recall", "f1")]
    shown += [one["probability"] for one in given["mistakes"]]
    for value in shown:
        assert percent(value)[:-2] in text
    assert "94,250" in text
    assert "1.8 ms" in text
    assert "and 3 more, all in report.json" in text
    assert "photos/4/<b>.jpg, row 12" in text


def test_transcripts_are_drawn_with_sound_picture_and_marks() -> None:
    given = transcript_report()
    reader = read(given)
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("audio") == tags.count("img") == 3
    assert "media-src data:" in page(strict(given))
    for words in (
        "turn the kitchen light on",
        "turn the chicken light on",
        "nothing",
        "manifest.csv, row 25 · 83.0 % sure",
        "chicken, 0.92 to 1.33 s",
        "By speaker",
        "By length, seconds",
        "0.68 to 0.82",
        "taken for another 1 6.7 %",
        "left out 2 13.3 %",
        "added 1 6.7 %",
        "Character error rate",
    ):
        assert words in reader.text + " ".join(one.get("title") or "" for _, one in reader.elements)
    assert marked(page(strict(given))) == ["kitchen", "chicken", "some", "now", "stop"]


def test_marks_of_characters_are_joined_and_words_keep_their_blanks() -> None:
    assert marked(page(strict(REPORTS["characters"]()))) == ["气", " ", "汽", " "]
    given = transcript_report("character", [("hello you", "hullo you", None)])
    given["mistakes"][0] |= {"target": "Hello, you!", "prediction": "Hullo you."}
    assert "h u llo you" in read(given).text  # the reader here puts blanks between elements
    given = transcript_report("word", [("one two three", "uno dos three", None)])
    assert marked(page(strict(given))) == ["one two", "uno dos"]
    assert "uno dos three" in read(given).text


def test_words_lie_where_they_were_said_and_only_where_the_length_is_known() -> None:
    given = transcript_report()
    given["mistakes"] = given["mistakes"][:1]
    given["mistakes"][0] |= {
        "seconds": 4.0,
        "alignment": [["a", 0.0, 1.0], ["b", 1.0, 2.0], ["c", 3.0, 9.0], ["d", None, None]],
    }
    spans = [one["style"] for tag, one in read(given).elements if tag in ("i", "span") and "left" in str(one)]
    assert "left:0.00%;width:25.00%" in spans
    assert "left:0.00%;width:75.00%" in spans  # a has room until c, since b lies a row below
    assert "left:75.00%;width:25.00%" in spans
    given["mistakes"][0]["seconds"] = None
    assert not any("ticks" in str(one.get("class")) for _, one in read(given).elements)


def test_a_wide_picture_is_not_enlarged_and_what_is_no_wav_is_not_played() -> None:
    given = transcript_report()
    one = given["mistakes"][0]
    one["thumbnail"] = png(np.zeros((32, 480, 1), np.uint8))
    one["audio"] = "data:text/html;base64,AAAA"
    given["mistakes"][1] |= {"audio": 'data:audio/wav;base64,A" onerror="alert(1)', "thumbnail": None}
    reader = read(given)
    assert "max-width:480px" in [attributes.get("style") for _, attributes in reader.elements]
    played = [attributes["src"] for tag, attributes in reader.elements if tag == "audio"]
    assert len(played) == 2
    assert "text/html" not in page(strict(given))
    assert not any("onerror" in attributes for _, attributes in reader.elements)


def test_a_transcript_needs_no_more_than_its_pairs() -> None:
    given = transcript_report()
    given["mistakes"] = [
        {"input": "a.png", "target": "ab", "prediction": "b", "aligned": [["a", None], ["b", "b"]]}
    ]
    assert marked(page(strict(given))) == ["a"]


def test_bars_of_a_rate_above_one_stay_within_their_track() -> None:
    given = transcript_report()
    given["baselines"] = [{"name": "most common transcript", "value": 2.5}]
    widths = [str(one.get("style")) for _, one in read(given).elements if "fill" in str(one.get("class"))]
    assert "width:100.00%" in widths
    assert all(float(one.removeprefix("width:").removesuffix("%")) <= 100 for one in widths)


def test_curves_of_an_error_rate_fall_and_may_exceed_100() -> None:
    rows = [
        {"epoch": number, "loss": 1.0, "validation_loss": 1.0, "validation_score": -score}
        for number, score in enumerate((1.6, 1.5, 1.4, 1.2, 1.15, 1.1))
    ]
    panel = learning_curves(rows, "validation word error rate, %", -100.0)[-1]
    heights = [float(point.split(",")[1]) for point in panel.curves[0].points.split()]
    assert heights == sorted(heights)
    assert heights[-1] <= panel.bottom
    texts = [float(tick.text) for tick in panel.y_ticks]
    assert texts
    assert min(texts) > 100


def marked(html: str) -> list[str]:
    return re.findall(r"<mark>([^<]*)</mark>", html)


def test_perfect_answers_say_so() -> None:
    assert "None: every example was answered right." in read(perfect()).text


def test_many_classes_are_folded_and_too_many_are_no_matrix() -> None:
    assert "The other 45 classes" in read(REPORTS["sixty"]()).text
    assert "With 300 classes the matrix is no picture any more" in read(REPORTS["three hundred"]()).text


def test_a_report_is_small() -> None:
    assert len(page(strict(digits_report())).encode()) < 60_000
    assert len(page(strict(REPORTS["sixty"]())).encode()) < 300_000


def test_matrix_cells_are_the_counts() -> None:
    scores = digits_report()["scores"]
    drawn = matrix(scores["confusion"], list("0123456789"))
    assert drawn is not None
    rebuilt = np.zeros((10, 10), int)
    for cell in drawn.cells:
        rebuilt[round(cell.y / drawn.side), round(cell.x / drawn.side)] = cell.count
        assert cell.right == (cell.target == cell.prediction)
        assert 0 < cell.opacity <= 1
    assert rebuilt.tolist() == scores["confusion"]


def test_curves_leave_out_what_is_no_number() -> None:
    loss, score = learning_curves(history(), "validation accuracy, %")
    assert [len(curve.points.split()) for curve in loss.curves] == [40, 39]
    assert score.title == "validation accuracy, %"
    last_x, last_y = map(float, score.curves[0].points.split()[-1].split(","))
    assert last_x == pytest.approx(score.right)
    assert score.top <= last_y <= score.bottom
    assert learning_curves(history(1), "accuracy") == []
    assert learning_curves([], "accuracy") == []


def test_curves_of_a_perfect_or_constant_training_do_not_divide_by_zero() -> None:
    rows = [
        {"epoch": 0, "step": step, "loss": 0.0, "validation_loss": 0.0, "validation_score": 1.0}
        for step in (1, 2, 3)
    ]
    panels = learning_curves(rows, "accuracy")
    assert [panel.across for panel in panels] == ["step", "step"]
    assert not any("nan" in curve.points for panel in panels for curve in panel.curves)


def test_dots_of_calibration_lie_where_they_say() -> None:
    bins = [
        {"confidence": 0.5, "accuracy": 0.5, "examples": 10, "low": 0.4, "high": 0.6},
        {"confidence": 1.0, "accuracy": 0.0, "examples": 30, "low": 0.9, "high": 1.0},
    ]
    panel = reliability(bins)
    assert panel is not None
    middle, corner = panel.dots
    assert (middle.x, middle.y) == pytest.approx(
        ((panel.left + panel.right) / 2, (panel.top + panel.bottom) / 2)
    )
    assert (corner.x, corner.y) == pytest.approx((panel.right, panel.bottom))
    assert corner.radius > middle.radius
    assert reliability(bins[:1]) is None


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(0.0, 2.34) == [0, 0.5, 1, 1.5, 2]
    assert ticks(90.1, 98.9) == [92, 94, 96, 98]
    assert ticks(1, 40) == [10, 20, 30, 40]


def test_long_names_are_cut_in_the_middle() -> None:
    assert shorten("rose", 10) == "rose"
    assert shorten("Rhododendron number 34", 14) == "Rhodode…ber 34"
    assert display_width("很长的a") == 7
    assert display_width(shorten("很长的中文类别名称", 10)) <= 10


def test_sizes_and_durations() -> None:
    assert [file_size(count) for count in (None, 900, 377_000, 12_345_678)] == [
        "–",
        "0.9 kB",
        "0.4 MB",
        "12.3 MB",
    ]
    assert [duration(time) for time in (None, 3.21, 41.3, 372, 7800)] == [
        "–",
        "3.2 s",
        "41 s",
        "6 min",
        "2 h 10 min",
    ]
