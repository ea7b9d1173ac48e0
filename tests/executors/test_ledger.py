"""What two sides tell each other arrives once and in order, whatever happens to the packets."""

from hypothesis import given
from hypothesis import strategies as st

from luthier.executors._ledger import Ledger


class Side:
    """One side, and the packets that are on their way to it."""

    def __init__(self):
        self.ledger = Ledger()
        self.said = []
        self.read = []
        self.coming = []

    def say(self):
        self.said.append(len(self.said))
        self.ledger.write(self.said[-1])

    def take(self, packet):
        self.read += self.ledger.read(packet)


steps = st.lists(
    st.tuples(
        st.sampled_from(["say", "send", "lose", "double", "arrive"]),
        st.integers(0, 1),
        st.integers(0, 9),
    ),
    max_size=60,
)


@given(steps)
def test_packets_may_be_lost_doubled_and_overtaken(steps):
    sides = Side(), Side()
    for what, number, which in steps:
        side, other = sides[number], sides[1 - number]
        if what == "say":
            side.say()
        elif what == "send":
            other.coming.append(side.ledger.packet())
        elif side.coming:
            at = which % len(side.coming)
            if what == "double":
                side.coming.append(side.coming[at])
            else:
                packet = side.coming.pop(at)
                if what == "arrive":
                    side.take(packet)
        assert other.read == side.said[: len(other.read)]
    for side, other in (sides, sides[::-1], sides):
        other.take(side.ledger.packet())
    for side, other in (sides, sides[::-1]):
        assert other.read == side.said
    assert not sides[0].ledger.unread


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(0, 20))
def test_a_way_that_keeps_the_order_gets_each_item_once(bursts, answered_after):
    side, other = Side(), Side()
    sent = 0
    for burst in bursts:
        for _ in range(burst):
            side.say()
        packet = side.ledger.packet(sent)
        assert len(packet.items) == burst
        sent = packet.first + len(packet.items)
        other.take(packet)
        if len(other.read) > answered_after:
            side.take(other.ledger.packet())
            assert not side.ledger.unread
    assert other.read == side.said
