"""Columns find their fields, and cells their types."""

from __future__ import annotations

import datetime as dt

import pytest

from turnout.capture.shaping import FIELDS, GUESSES, Shape, Wishes, place_columns
from turnout.errors import InvalidInput, UnknownName


def places(names, **wishes):
    return {column.name: (column.place, column.how) for column in place_columns(names, Wishes(**wishes))}


def event(header, cells, **wishes):
    asked = Wishes(**wishes)
    return Shape(place_columns(header, asked), asked).event(cells)


def test_names_are_taken_whatever_their_case_and_spaces():
    assert places(["Type", " TIME ", "User Agent", "send-id"]) == {
        "Type": ("type", "named"),
        " TIME ": ("time", "named"),
        "User Agent": ("user_agent", "named"),
        "send-id": ("send_id", "named"),
    }


def test_common_names_are_guessed_and_the_rest_is_kept():
    assert places(["Email", "timestamp", "event", "campaign_id", "colour"]) == {
        "Email": ("recipient", "guessed"),
        "timestamp": ("time", "guessed"),
        "event": ("type", "guessed"),
        "campaign_id": ("campaign", "guessed"),
        "colour": ("properties.colour", "kept"),
    }


def test_the_most_telling_of_several_guesses_wins():
    assert places(["user_id", "email"]) == {
        "user_id": ("properties.user_id", "kept"),
        "email": ("recipient", "guessed"),
    }


def test_a_name_or_a_wish_goes_before_a_guess():
    assert places(["recipient", "email"])["email"] == ("properties.email", "kept")
    assert places(["user_id", "email"], mapped={"user_id": "recipient"}) == {
        "user_id": ("recipient", "mapped"),
        "email": ("properties.email", "kept"),
    }


def test_columns_can_be_left_out_and_put_into_properties():
    asked = {"secret": "", "a": "properties.b", "params.utm": "params.source"}
    assert event(["secret", "a", "params.utm", "properties.x"], ["s", "1", "mail", "y"], mapped=asked) == {
        "properties": {"b": "1", "x": "y"},
        "params": {"source": "mail"},
    }


@pytest.mark.parametrize(
    ("names", "wishes", "words"),
    [
        (["a"], {"mapped": {"b": "type"}}, "unknown column 'b'"),
        (["a"], {"mapped": {"a": "recipiant"}}, "unknown field 'recipiant'"),
        (["a"], {"constants": {"campain": "x"}}, "unknown field 'campain'"),
        (["a"], {"mapped": {"a": "recipient.name"}}, "'recipient' has no parts"),
        (["a", "b"], {"mapped": {"a": "type", "b": "type"}}, "the columns 'a' and 'b' are both 'type'"),
        (["a", "a"], {}, "the column 'a' is there twice"),
        (["type", "colour"], {"strict": True}, "the column 'colour' is no field"),
    ],
)
def test_wishes_that_can_t_be_met_are_refused(names, wishes, words):
    with pytest.raises(InvalidInput, match=words):
        places(names, **wishes)


def test_a_mistyped_field_is_suggested():
    with pytest.raises(UnknownName) as raised:
        Wishes(mapped={"a": "recipiant"})
    assert raised.value.hint == "did you mean 'recipient'?"


def test_empty_cells_say_nothing_and_constants_fill_them():
    header = ["type", "time", "campaign", "recipient"]
    constants = {"campaign": "spring", "type": "sent", "properties.source": "file", "quantity": "2"}
    assert event(header, ["", None, "autumn", "a"], constants=constants) == {
        "campaign": "autumn",
        "recipient": "a",
        "type": "sent",
        "properties": {"source": "file"},
        "quantity": 2,
    }


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("type", "Open", "opened"),
        ("type", "delivered", "delivered"),
        ("type", "Carrier Accepted", "carrier_accepted"),
        ("type", "nonsense", "nonsense"),
        ("anonymous", "Yes", True),
        ("anonymous", "0", False),
        ("anonymous", "perhaps", "perhaps"),
        ("opted_in", 1, True),
        ("goal", "2", 2),
        ("position", "12", 12),
        ("position", 3.0, 3),
        ("goal", "2.0", 2),
        ("goal", "two", "two"),
        ("duration_s", "12.5", 12.5),
        ("amount", "19.990000000000000001", "19.990000000000000001"),
        ("currency", "eur", "EUR"),
        ("country", "de", "DE"),
        ("recipient", 17, "17"),
        ("recipient", "007", "007"),
        ("properties", '{"a": 1}', {"a": 1}),
        ("properties", "no json", "no json"),
        ("time", "1759658400", 1759658400),
        ("time", "1759658400.5", 1759658400.5),
        ("time", "2026-10-05 10:00:00", dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)),
        ("time", "2026-10-05T10:00:00+02:00", dt.datetime(2026, 10, 5, 8, tzinfo=dt.UTC)),
        ("time", dt.date(2026, 10, 5), dt.datetime(2026, 10, 5, tzinfo=dt.UTC)),
        ("time", "yesterday", "yesterday"),
    ],
)
def test_cells_are_read_as_their_field_wants(field, cell, value):
    found = event([field], [cell])[field]
    assert found == value
    assert type(found) is type(value)


def test_bare_times_are_of_the_zone_that_is_wished():
    found = event(["time"], ["2026-03-29 12:00"], timezone="Europe/Berlin")["time"]
    assert found.astimezone(dt.UTC) == dt.datetime(2026, 3, 29, 10, tzinfo=dt.UTC)
    assert event(["time"], ["2026-03-29T12:00Z"], timezone="Europe/Berlin")["time"].utcoffset() == dt.timedelta(0)


def test_a_table_without_type_or_time_says_how_to_name_them():
    shape = Shape(place_columns(["who", "when"], Wishes()), Wishes())
    with pytest.raises(InvalidInput, match="no column is the 'type'") as raised:
        shape.require("type", "time")
    assert "--map COLUMN=type" in raised.value.hint
    assert "--set type=sent" in raised.value.hint


def test_every_guess_is_of_a_field_and_none_is_a_field_itself():
    assert set(GUESSES) <= set(FIELDS)
    aliases = [alias for names in GUESSES.values() for alias in names]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & set(FIELDS)
