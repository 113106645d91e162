"""Reading a file's rows, whatever it was saved with."""

from pathlib import Path

import pytest

from coopschool.importing import files, tables
from coopschool.importing.files import CATEGORIES, ENROLMENTS, MEMBERS, CategoryRow
from coopschool.importing.problems import Problem, Problems
from tests.support.given_when_then import BRUSSELS

HEADER = "member_ref,category,effective_on\n"
ROW = "m1,A,2026-03-02\n"


def read(path: Path, content: bytes | str) -> tuple[list[CategoryRow], list[Problem]]:
    file = path / "categories.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = Problems()
    return tables.read(CATEGORIES, file, BRUSSELS, problems), list(problems)


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace(",", ";"),
        (HEADER + ROW).replace("\n", "\r\n"),
        'Member_Ref , "category",effective_on\n\n,,\n" m1 ","A",2026-03-02',
    ],
    ids=["commas", "byte order mark", "semicolons", "windows", "spaces, quotes, empty lines"],
)
def test_a_table_is_read_whatever_program_saved_it(tmp_path: Path, content: str) -> None:
    rows, problems = read(tmp_path, content)
    assert problems == []
    assert [(row.member_ref, row.category, str(row.effective_on)) for row in rows] == [("m1", "A", "2026-03-02")]


def test_a_row_knows_the_line_it_begins_on(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, HEADER + '"m\n1",A,2026-03-02\n\nm2,A,2026-03-02\n')
    assert [row.line for row in rows] == [2, 5]


def test_every_wrong_cell_is_named_and_the_good_rows_are_kept(tmp_path: Path) -> None:
    rows, problems = read(tmp_path, HEADER + "m1,D,soon\n" + ROW + ",A,2026-03-02\nm\0,A,2026-03-02\n")
    assert [row.line for row in rows] == [3]
    assert [(one.line, one.column, one.rule) for one in problems] == [
        (2, "category", "cell"),
        (2, "effective_on", "cell"),
        (4, "member_ref", "cell"),
        (5, "member_ref", "cell"),
    ]
    assert str(problems[0]) == (
        "categories.csv:2, category: category must be one of candidate, A, B, C. [cell] Correct the cell."
    )


@pytest.mark.parametrize("row", ["m1,A\n", "m1,A,2026-03-02,B\n"])
def test_a_row_has_as_many_cells_as_the_header(tmp_path: Path, row: str) -> None:
    rows, problems = read(tmp_path, HEADER + row)
    assert rows == []
    assert [(one.line, one.column) for one in problems] == [(2, None)]


@pytest.mark.parametrize(
    ("header", "column", "advice"),
    [
        ("member_ref,category,efective_on", "efective_on", "Did you mean effective_on?"),
        ("member_ref,category,effective_on,x", "x", "The columns are member_ref, category, effective_on."),
        ("member_ref,category", "effective_on", "Add it."),
        ("member_ref,category,effective_on,category", "category", "Remove one."),
    ],
)
def test_a_header_names_the_columns_of_the_file(tmp_path: Path, header: str, column: str, advice: str) -> None:
    rows, problems = read(tmp_path, f"{header}\n{ROW}")
    assert rows == []
    assert (1, column, "header", advice) in [(one.line, one.column, one.rule, one.advice) for one in problems]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (HEADER.encode() + ROW.encode() + "é,A,2026-03-02\n".encode("latin-1"), 3),
        (HEADER + '"m1,A,2026-03-02\n', 2),
    ],
    ids=["not UTF-8", "a quote left open"],
)
def test_a_file_that_is_no_table_says_where(tmp_path: Path, content: bytes | str, line: int) -> None:
    _, problems = read(tmp_path, content)
    assert [(one.line, one.rule) for one in problems] == [(line, "unreadable")]


def test_an_empty_file_lacks_its_header(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "")
    assert {(one.line, one.rule) for one in problems} == {(1, "header")}


def test_a_directory_without_any_of_the_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").touch()
    with pytest.raises(FileNotFoundError, match=r"members\.csv"):
        files.read(tmp_path, BRUSSELS, Problems())
    with pytest.raises(FileNotFoundError, match="no directory"):
        files.read(tmp_path / "nowhere", BRUSSELS, Problems())


def test_csv_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text(HEADER)
    (tmp_path / "persons.csv").touch()
    assert files.read(tmp_path, BRUSSELS, Problems()).left_out == ("persons.csv",)


def test_files_called_otherwise_only_in_their_letters_are_named_with_what_to_call_them(tmp_path: Path) -> None:
    (tmp_path / "Members.CSV").write_text("member_ref,category,joined_on\n")
    with pytest.raises(FileNotFoundError, match=r"Members\.CSV: to be read it is called members\.csv"):
        files.read(tmp_path, BRUSSELS, Problems())
    (tmp_path / "categories.csv").write_text(HEADER)
    assert files.read(tmp_path, BRUSSELS, Problems()).left_out == ("Members.CSV: to be read it is called members.csv",)


def test_what_a_bad_row_makes_doubtful_is_spoilt(tmp_path: Path) -> None:
    problems = Problems()
    (tmp_path / "enrolments.csv").write_text("session_ref,member_ref,enrolled_at\ns1,m1,soon\n")
    (tmp_path / "members.csv").write_text("member_ref\nm1\n")
    tables.read(ENROLMENTS, tmp_path / "enrolments.csv", BRUSSELS, problems)
    assert problems.is_spoilt("enrolled", "s1", "m1")
    assert not problems.is_spoilt("enrolled", "s1", "m2")
    tables.read(MEMBERS, tmp_path / "members.csv", BRUSSELS, problems)
    assert problems.is_spoilt("member", "anybody")
