"""docs/questions.md says what the code does."""

import documents
import yaml

from catalog.question import DEEPEST, MOST_TESTS, question_from, questions_shipped
from catalog.question_tests import TESTS

PAGE = documents.page("questions.md")


def test_the_page_has_the_tests_there_are():
    rows = [f"| `{test.name}` | `{test.argument}` | {test.asks} |" for test in TESTS.values()]
    assert "\n".join(["| --- | --- | --- |", *rows, ""]) in PAGE
    assert f"up to {DEEPEST} levels deep and {MOST_TESTS} tests" in PAGE


def test_the_page_has_the_questions_that_are_shipped():
    rows = [
        f"| `{named}` | {one.resource} | {one.title_en} | {', '.join(one.items)} |"
        for named, one in questions_shipped().items()
    ]
    assert "\n".join(["| --- | --- | --- | --- |", *rows, ""]) in PAGE


def test_the_definition_shown_is_the_shipped_one():
    (shown,) = documents.blocks(PAGE, "yaml")
    question = question_from(yaml.safe_load(shown))
    assert question == questions_shipped()[question.named]
