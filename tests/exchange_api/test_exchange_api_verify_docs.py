"""docs/verify.md says what the code does."""

import documents
import orjson

from catalog.agreement import MOST_KEYS
from catalog.claims import USUAL_CLAIMS
from exchange_api.calls import Stated
from exchange_api.verify_call import MOST_CLAIMS, verify_call
from exchange_api.verifying import WORDS
from schemas.comparing import RULES
from schemas.resource import resource_named

PAGE = documents.page("verify.md")


def test_the_page_has_the_rules_that_compare():
    rows = [f"| {rule.name} | {rule.tolerates} |" for rule in RULES]
    assert "\n".join(["| --- | --- |", *rows, ""]) in PAGE


def test_the_call_shown_is_one_and_its_answer_has_the_words_that_are_told():
    asked, answered = (orjson.loads(block) for block in documents.blocks(PAGE, "json"))
    call = verify_call(resource_named("legal_person"), asked, Stated("p", "l", "c"), "A")
    assert call.call.keys == [one["key"] for one in answered["subjects"]]
    assert call.claims[0].keys() == answered["subjects"][0]["claims"].keys()
    for word in WORDS.values():
        assert f"\n| `{word}` |" in PAGE


def test_the_limits_told_are_the_usual_ones():
    assert f"of one subject's item {USUAL_CLAIMS.failing_per_item} claims" in PAGE
    assert f"half may fail beyond the first {USUAL_CLAIMS.failing_at_once:,}" in PAGE
    assert USUAL_CLAIMS.failing_share == 0.5
    assert f"Up to {MOST_KEYS:,} subjects a call, each once, with up to {MOST_CLAIMS} claims" in PAGE
