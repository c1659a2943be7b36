"""JMESPath expressions: mistakes are placed, what they look at is known, and asking fails in one way."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.expression import ExpressionError, expression
from gateway.codec.malformed import Malformed

MISTAKES = {
    "": "an empty expression",
    "a..b": "not JMESPath at character 2, before '.b'",
    "{text: text,": "ends too early, at character 12",
    "foo bar": "at character 4",
    "`": "at character 0",
    "'unclosed": "at character 0",
    "nofn(a)": "there is no function nofn(); there are abs",
    "length(a, b)": "length() takes 1 arguments, not 2",
    "`{bad`": "between backticks is JSON",
    "merge()": "merge() takes at least 1 arguments, not 0",
    "a[0": "ends too early",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_placed(text: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        expression(text)
    assert MISTAKES[text] in str(refused.value)
    assert "\n" not in str(refused.value)


ASKS_FOR = {
    "text": {"text"},
    "data.a.b": {"data"},
    "{a: text, b: files[0].bytes}": {"text", "files"},
    "merge({a: text}, data || `{}`)": {"text", "data"},
    "@": {"@"},
    "@.text": {"text"},
    "files[*].name": {"files"},
    "files[?name == 'x'].bytes | [0]": {"files"},
    "length(@)": {"@"},
    "*.a": {"@"},
    "`1`": set[str](),
    "map(&name, files)": {"files", "name"},
    "text && !data": {"text", "data"},
    "files[].url": {"files"},
    "files[1:2]": {"files"},
}


@pytest.mark.parametrize("text", ASKS_FOR)
def test_what_an_expression_asks_for(text: str) -> None:
    assert expression(text).asks_for == ASKS_FOR[text]


def test_needs() -> None:
    assert expression("text").needs("text")
    assert not expression("text").needs("data")
    assert expression("@").needs("anything")


UNFIT = {
    "max([text, number])": {"text": "secret", "number": 1},
    "contains(text, number)": {"text": "secret", "number": 1},
    "text < number": {"text": "secret", "number": 1},
    "sort_by(list, &@)": {"list": ["a", 1]},
    "merge(text, text)": {"text": "secret"},
}


@pytest.mark.parametrize("text", UNFIT)
def test_a_value_that_does_not_fit_is_not_quoted(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        expression(text).of(UNFIT[text])
    assert "secret" not in str(refused.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
TEXTS = [
    "a", "a.b", "a[0]", "a[*].b", "a[]", "a[?b > `1`]", "sort_by(a, &b)", "max_by(a, &b)", "sum(a)", "avg(a)",
    "join('', a)", "to_number(a)", "to_string(@)", "keys(a)", "a == b", "!a", "a || b && c", "merge(a, b)",
    "contains(a, b)", "reverse(a)", "ceil(a)", "*.b", "{a: b, c: a}", "[a, b]", "map(&b, a)", "not_null(a, b)",
]  # fmt: skip


@given(st.sampled_from(TEXTS), values)
def test_asking_gives_a_value_or_malformed(text: str, value: object) -> None:
    with contextlib.suppress(Malformed):
        expression(text).of(value)  # type: ignore[arg-type]


@given(st.text(alphabet="ab.[]{}()*@&|!<>=`'\",:0 -", max_size=20))
def test_any_text_is_an_expression_or_a_mistake(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert expression(text).text == text
