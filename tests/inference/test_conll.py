"""Files of tokens: what is a sentence, a document, a token; given back with one column new, all else byte for byte."""

from pathlib import Path

import pytest

from plait.inference.conll import ColumnFile, is_columns, read_columns

CONLLU = """# newdoc id = a
# text = Don't go.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No
3.1\tleft\t_\t_\t_\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_

# newdoc id = b
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_

"""


def words(file: ColumnFile, column: int) -> list[list[str]]:
    return [[line.cells[column] for line in sentence.lines] for sentence in file.sentences]


def written(path: Path, content: str | bytes) -> ColumnFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_columns(path)


def test_conllu_leaves_out_what_is_no_word(tmp_path: Path) -> None:
    file = written(tmp_path / "a.conllu", CONLLU)
    assert words(file, 1) == [["Do", "n't", "go", "."], ["Yes"]]
    assert [sentence.document for sentence in file.sentences] == [0, 1]
    assert file.column("upos") == 3
    assert file.column("4") == 3
    with pytest.raises(ValueError, match=r"no column 'pos'.*upos"):
        file.column("pos")


def test_one_column_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    file = written(tmp_path / "a.conllu", CONLLU)
    tags = [["A", "B", "C", "D"], ["E"]]
    content = file.with_column(3, tags).decode()
    again = written(tmp_path / "b.conllu", content)
    assert words(again, 3) == tags
    assert again.with_column(3, words(file, 3)).decode() == CONLLU


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_ends_of_lines_and_encodings_stay(tmp_path: Path, end: str, encoding: str) -> None:
    text = end.join(["-DOCSTART- O", "", "在 p  O", "北京 n\u3000x  B-LOC", "", "他 p  O"])
    content = text.encode(encoding)
    file = written(tmp_path / "a.conll", content)
    assert words(file, 0) == [["在", "北京"], ["他"]]
    assert file.with_column(2, words(file, 2)) == content
    assert file.with_column(2, [["X", "Y"], ["Z"]]) == text.replace("B-LOC", "Y").replace(
        "p  O", "p  X", 1
    ).replace("他 p  O", "他 p  Z").encode(encoding)


def test_a_column_that_is_not_there_is_added(tmp_path: Path) -> None:
    file = written(tmp_path / "a.conll", "in NN\nParis NN\n\nhe NN")
    assert file.with_column(2, [["O", "B-LOC"], ["O"]]) == b"in NN O\nParis NN B-LOC\n\nhe NN O"


def test_documents_are_counted_and_no_token_is_lost(tmp_path: Path) -> None:
    file = written(tmp_path / "a.conll", "-DOCSTART- -X- O\n\n# O\nb O\n\n-DOCSTART- -X- O\n\nc O\n")
    assert words(file, 0) == [["#", "b"], ["c"]]
    assert [sentence.document for sentence in file.sentences] == [0, 1]


@pytest.mark.parametrize("name", ["a.txt", "eng.testa", "plain"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("in IN O\nParis NNP B-LOC\n\nhe PRP O\nran VBD O", True),
        ("in IN\nParis NN\nor IN\n\nup IN\nson NN\nof IN\n", True),
        ("Anna NNP B-PER\nran VBD O\n", True),
        ("he went home\nshe came back\n\nthey ate food\n", False),
        ("he went .\nshe came .\n\nthey ate .\n", False),
        ("so it was\n\nso it was\n\nso it was\n\nso it was\n", False),
        ("Anna went to Oslo.\nBen saw the river.\n", False),
        ("", False),
    ],
)
def test_columns_are_recognized_by_what_a_file_holds(
    tmp_path: Path, name: str, content: str, *, expected: bool
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert is_columns(tmp_path / name) is expected
