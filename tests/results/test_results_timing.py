"""How long a run was at work."""

from datetime import datetime, timedelta

from synthetic_run import START, manifest

from fcsearch.results.manifest import SessionEntry
from fcsearch.results.timing import WorkClock, session_count, work_clock


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def session(start: float, end: float | None) -> SessionEntry:
    return SessionEntry(started_at=at(start), finished_at=None if end is None else at(end))


def test_pauses_of_a_minute_do_not_count_where_sessions_were_not_recorded() -> None:
    clock = WorkClock(START, [(at(5), at(20)), (at(1000), at(1010)), (at(6), at(15))])
    assert clock.seconds(at(20)) == 20
    assert clock.seconds(at(1000)) == 20
    assert clock.seconds(at(1010)) == 30


def test_the_time_is_the_sum_over_the_sessions() -> None:
    packs = [(at(5), at(20)), (at(50), at(60))]
    clock = WorkClock(START, packs, [session(1, 30), session(45, 70)])
    assert clock.seconds(at(20)) == 20
    # Half a minute apart: that was no pause before sessions were recorded.
    assert clock.seconds(at(44)) == clock.seconds(at(45)) == 30
    assert clock.seconds(at(60)) == 45
    assert clock.seconds(at(900)) == 55


def test_a_session_that_was_killed_lasted_until_its_last_pack() -> None:
    packs = [(at(5), at(20)), (at(50), at(60))]
    sessions = [session(0, None), session(45, None)]
    assert WorkClock(START, packs, sessions).seconds(at(900)) == 20 + 15
    assert WorkClock(START, packs, sessions, running=True).seconds(at(900)) == 20 + 855
    # A first pack may take longer than a pause.
    assert WorkClock(START, [], [session(0, None)], running=True).seconds(at(900)) == 900


def test_a_run_of_an_earlier_version_goes_on_with_sessions() -> None:
    packs = [(at(5), at(20)), (at(1000), at(1010)), (at(5000), at(5005))]
    clock = WorkClock(START, packs, [session(4990, 5010)])
    assert clock.seconds(at(1010)) == 30
    assert clock.seconds(at(5010)) == 30 + 20
    assert session_count(manifest("r", sessions=[session(4990, 5010)]), packs) == 2


def test_sessions_count_in_their_order_where_the_clock_of_a_later_one_is_behind() -> None:
    """The second machine's clock is behind: it resumed after 1800 s, and says that it was 480 s before the start."""
    first, second = (
        [(at(5), at(310)), (at(320), at(1790))],
        [(at(-470), at(-20)), (at(-10), at(311)), (at(320), at(599))],
    )
    for ends in ((1800, 600), (None, None)):
        sessions = [session(0, ends[0]), session(-480, ends[1])]
        clock = WorkClock(START, [*first, *second], sessions)
        seconds = [clock.seconds(ended) for _, ended in (*first, *second)]
        before = 1800 if ends[0] else 1790
        assert seconds == [310, 1790, before + 460, before + 791, before + 1079]
        assert session_count(manifest("r", sessions=sessions), [*first, *second]) == 2
    running = WorkClock(START, first, [session(0, 1800), session(-480, None)], running=True)
    assert running.seconds(at(120)) == 1800 + 600


def test_no_session_is_negative() -> None:
    clock = WorkClock(START, [], [session(0, None), session(-480, None), session(10, 5), session(20, 25)])
    times = [clock.seconds(at(moment)) for moment in range(-500, 40, 5)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (0, 5)


def test_a_pack_by_a_clock_that_is_a_little_behind_is_no_session() -> None:
    packs = [(at(28), at(29)), (at(35), at(40))]
    sessions = [session(30, 60)]
    assert session_count(manifest("r", sessions=sessions), packs) == 1
    assert WorkClock(at(30), packs, sessions).seconds(at(60)) == 30


def test_a_run_says_how_many_sessions_it_had() -> None:
    packs = [(at(5), at(20))]
    assert session_count(manifest("r"), packs) == 1
    assert session_count(manifest("r", sessions=[session(1, 30), session(45, 70)]), packs) == 2
    assert work_clock(manifest("r", created_at=None), packs) is None
