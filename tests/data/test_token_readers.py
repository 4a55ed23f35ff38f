"""Tagged sentences from columns and from lists: the column is found or asked for, faults are named by line."""

import gzip
import json
from pathlib import Path

import pytest

from plait.data.options import SentenceDataOptions
from plait.data.readers import read_table, recognize
from plait.data.sentence_checks import check_sentences
from plait.data.table import Table
from plait.errors import DataError
from plait.inference.tags import all_tags
from plait.tasks.sequence_tagging import SequenceTagging

OPTIONS = SentenceDataOptions(
    validation=0.1,
    test=0.2,
    split_seed=None,
    label=None,
    features=[],
    encoding=None,
    token="auto",
    lowercase=True,
    least="auto",
    vocabulary=1000,
    letters="auto",
)
NER = "in IN O\nNew NNP B-LOC\nYork NNP I-LOC\n\nhe PRP O\nran VBD O\n"


def read(path: Path, content: str, **changes: object) -> Table:
    path.write_text(content, encoding="utf-8")
    return read_table(str(path), OPTIONS.model_copy(update=changes))


def rows(table: Table) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return list(zip(table.frame["input"], table.frame["target"], strict=True))


def test_the_last_column_is_taken_where_it_marks_spans(tmp_path: Path) -> None:
    table = read(tmp_path / "a.conll", NER)
    assert rows(table) == [
        (("in", "New", "York"), ("O", "B-LOC", "I-LOC")),
        (("he", "ran"), ("O", "O")),
    ]
    assert table.column == "3"
    assert list(table.frame["row"]) == [1, 5]


def test_a_text_file_is_recognized_by_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(NER * 5, encoding="utf-8")
    assert recognize(str(tmp_path / "train.txt")).name == "token columns"
    (tmp_path / "test.txt").write_text(NER, encoding="utf-8")
    table = read_table(str(tmp_path), OPTIONS)
    assert sorted(set(table.splits)) == ["test", "train"]


def test_labelled_lines_are_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("good a fine film\nbad so sad\n" * 20, encoding="utf-8")
    assert recognize(str(path)).name == "labelled lines"


def test_which_column_is_asked_where_it_is_not_plain(tmp_path: Path) -> None:
    plain = "in in IN\nYork York NNP\n\nhe he PRP\n"
    with pytest.raises(DataError, match=r"which column.*--label.*3: IN NNP PRP"):
        read(tmp_path / "a.conll", plain)
    assert read(tmp_path / "a.conll", plain, label="3").classes == ["IN", "NNP", "PRP"]
    with pytest.raises(DataError, match=r"column 4, but there are 3"):
        read(tmp_path / "a.conll", plain, label="4")
    with pytest.raises(DataError, match=r"no column 'upos'"):
        read(tmp_path / "a.conll", plain, label="upos")


def test_conllu_gives_any_column_also_gzipped(tmp_path: Path) -> None:
    lines = [
        "# newdoc",
        "1\tDogs\tdog\tNOUN\tNNS\tNumber=Plur\t2\tnsubj\t_\t_",
        "2\tran\trun\tVERB\tVBD" + "\t_" * 5,
    ]
    content = "\n".join([*lines, "", ""])
    path = tmp_path / "a.conllu.gz"
    path.write_bytes(gzip.compress(content.encode()))
    assert rows(read_table(str(path), OPTIONS)) == [(("Dogs", "ran"), ("NOUN", "VERB"))]
    for label, expected in (("xpos", ["NNS", "VBD"]), ("feats", ["Number=Plur", "_"])):
        table = read_table(str(path), OPTIONS.model_copy(update={"label": label}))
        assert table.frame["target"].iloc[0] == tuple(expected)


def test_a_line_of_another_shape_is_an_error_with_its_line(tmp_path: Path) -> None:
    table = read(tmp_path / "a.conll", NER + "\nand\nso RB O\n")
    assert len(table) == 2
    (fault,) = [problem for problem in table.problems if problem.error]
    assert (fault.row, fault.kind) == (8, "other columns")
    assert "1 columns, but most lines have 3" in fault.message


def test_invalid_tags_are_found_with_their_line_and_read_as_conlleval_does(tmp_path: Path) -> None:
    table = read(tmp_path / "a.conll", NER + "\nto TO O\nYork NNP I-LOC\n")
    assert table.frame["target"].iloc[2] == ("O", "B-LOC")
    (fault,) = [problem for problem in table.problems if problem.kind == "invalid tag"]
    assert fault.row == 9
    assert not fault.error


def test_iob1_becomes_iob2(tmp_path: Path) -> None:
    table = read(tmp_path / "a.conll", "a I-X\nb I-X\nc B-X\n\nd O\n")
    assert table.frame["target"].iloc[0] == ("B-X", "I-X", "B-X")
    assert any("IOB1" in problem.message for problem in table.problems)


def test_documents_are_groups_and_their_bounds_no_tokens(tmp_path: Path) -> None:
    start = "-DOCSTART- -X- O\n\n"
    table = read(tmp_path / "a.conll", start + NER + "\n" + start + NER)
    assert len(table) == 4
    groups = list(table.frame["group"])
    assert groups[0] == groups[1] != groups[2] == groups[3]


def test_of_a_character_and_its_place_the_character_is_read(tmp_path: Path) -> None:
    table = read(tmp_path / "a.bio", "北0\tB-LOC\n京1\tI-LOC\n\n好0\tO\n")
    assert table.frame["input"].iloc[0] == ("北", "京")
    whole = read(tmp_path / "a.bio", "北0\tB-LOC\n京1\tI-LOC\n\n好0\tO\n", token="whole")
    assert whole.frame["input"].iloc[0] == ("北0", "京1")


def test_places_beyond_nine_and_a_sign_split_in_two_are_still_characters_with_places(tmp_path: Path) -> None:
    address = [f"{letter}{place}" for place, letter in enumerate("http://t.cn/abc")]
    lines = [*address, *["好0"] * 150, "\ufffd\ufffd0"]
    table = read(tmp_path / "a.bio", "".join(f"{token}\tO\n" for token in lines) + "京0\tB-LOC\n")
    assert "".join(table.frame["input"].iloc[0]) == "http://t.cn/abc" + "好" * 150 + "\ufffd京"


def test_words_that_end_in_numbers_are_read_whole(tmp_path: Path) -> None:
    table = read(tmp_path / "a.bio", "A320\tB-X\nB737\tB-X\n7\tO\n")
    assert table.frame["input"].iloc[0] == ("A320", "B737", "7")


def test_lists_of_tokens_and_tags(tmp_path: Path) -> None:
    good = {"tokens": ["in", "Paris"], "tags": ["O", "B-LOC"], "split": "train"}
    bad = [
        {"tokens": ["a", "b"], "tags": ["O"]},
        {"tokens": [], "tags": []},
        {"tokens": "in Paris", "tags": ["O"]},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in [good, *bad]), encoding="utf-8")
    assert recognize(str(path)).name == "token lists"
    table = read_table(str(path), OPTIONS)
    assert rows(table) == [(("in", "Paris"), ("O", "B-LOC"))]
    assert [problem.row for problem in table.problems if problem.error] == [2, 3, 4]
    assert "2 tokens and 1 tags" in table.problems[0].message


def test_further_columns_stand_behind_the_word(tmp_path: Path) -> None:
    table = read(tmp_path / "a.conll", NER, features=["2"])
    assert table.frame["input"].iloc[1] == ("he\tPRP", "ran\tVBD")
    with pytest.raises(DataError, match=r"data.features names column 3, which holds the tags"):
        read(tmp_path / "a.conll", NER, features=["3"])
    with pytest.raises(DataError, match=r"data.features says column 7, but there are 3"):
        read(tmp_path / "a.conll", NER, features=["7"])


@pytest.mark.parametrize("scheme", ["iob2", "bioes"])
def test_data_of_other_tags_are_refused_and_of_another_scheme_taken(tmp_path: Path, scheme: str) -> None:
    task = SequenceTagging(all_tags(["LOC"], scheme), scheme, True)
    for tags in (("B-LOC", "I-LOC"), ("I-LOC", "I-LOC"), ("B-LOC", "E-LOC"), ("O", "O")):
        task.refuse_unknown(read(tmp_path / "a.conll", f"in O\nNew {tags[0]}\nYork {tags[1]}\n"))
    for tags in (("B-NP", "I-NP"), ("NN", "VB")):
        with pytest.raises(DataError, match=rf"row 1: unknown class: {tags[0]}\b"):
            task.refuse_unknown(read(tmp_path / "a.conll", f"in O\nNew {tags[0]}\nYork {tags[1]}\n"))


def test_one_tag_alone_cannot_be_learnt(tmp_path: Path) -> None:
    checked = check_sentences(read(tmp_path / "a.conll", "a X\nb X\n\nc X\n"))
    assert [problem.kind for problem in checked.errors] == ["too few classes"]
    assert not len(checked.table)


def test_long_sentences_in_two_splits_or_with_other_tags_are_found(tmp_path: Path) -> None:
    sentence = "".join(f"word{number} {'NX'[number % 2]}\n" for number in range(6))
    for split, content in (
        ("train", sentence + "\nyes N\n"),
        ("test", sentence.replace("0 N", "0 X") + "\nyes N\n"),
    ):
        (tmp_path / f"{split}.conll").write_text(content, encoding="utf-8")
    checked = check_sentences(read_table(str(tmp_path), OPTIONS))
    assert sorted(problem.kind for problem in checked.findings) == [
        "identical sentences with different tags",
        "overlap of splits",
    ]
