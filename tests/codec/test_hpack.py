"""Header blocks without a table, read by an HPACK library."""

from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec import hpack

TEXTS = st.text(st.characters(max_codepoint=0xFF), max_size=300)
FIELDS = st.lists(st.tuples(TEXTS, TEXTS), max_size=8)


@given(st.lists(FIELDS, min_size=1, max_size=4))
def test_fields_are_what_was_written(blocks: list[list[tuple[str, str]]]) -> None:
    decoder = Decoder(max_header_list_size=1 << 20)
    for number, fields in enumerate(blocks):
        block = hpack.literals(fields)
        read = decoder.decode(hpack.NO_TABLE + block if number == 0 else block, raw=True)
        assert [(name.decode("latin-1"), value.decode("latin-1")) for name, value in read] == fields
        assert len(decoder.header_table.dynamic_entries) == 0


def test_a_status_is_read_whichever_it_is() -> None:
    for status in ("200", "415"):
        assert Decoder().decode(hpack.literals([(":status", status)])) == [(":status", status)]


def test_long_values_have_long_lengths() -> None:
    for size in (126, 127, 128, 254, 255, 256, 16_383, 20_000):
        assert Decoder(1 << 20).decode(hpack.literals([("x", "v" * size)])) == [("x", "v" * size)]


def test_a_caller_that_wants_no_table_is_told_that_there_is_none() -> None:
    decoder = Decoder()
    decoder.max_allowed_table_size = 0
    assert decoder.decode(hpack.NO_TABLE + hpack.literals([("a", "b")])) == [("a", "b")]
