"""Where an instant stands among known events."""

from busta_health_dagster.engines.baseline.known_events import Calendar, KnownEvent, Standing

HOUR = 3600


def test_inside_near_and_far():
    calendar = Calendar([KnownEvent("game", 10 * HOUR, 12 * HOUR)])
    assert calendar.at(11 * HOUR) == Standing(0, 0.5, near=True)
    assert calendar.at(12 * HOUR) == Standing(-1, 0.0, near=True)
    assert calendar.at(12 * HOUR + 1800) == Standing()
    assert calendar.at(10 * HOUR - 1800).near
    assert not calendar.at(10 * HOUR - 1801).near


def test_own_events_go_before_shared_ones_and_kinds_keep_their_number():
    calendar = Calendar([KnownEvent("cup", 0, 100), KnownEvent("derby", 0, 100, "odds")], kinds=["derby"])
    assert calendar.kinds == ["derby", "cup"]
    assert calendar.at(50, "odds").kind == 0
    assert calendar.at(50, "news").kind == 1
    assert calendar.special == {"odds"}
