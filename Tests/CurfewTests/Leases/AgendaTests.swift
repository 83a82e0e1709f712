import TestNeeds
import Testing

@testable import Curfew

@Suite("what an instance looks at between two ticks", .tags(.pure))
struct AgendaTests {
    private let start = ContinuousClock.now

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func look(_ cleanup: String, due: Int, after delay: Int = 0) -> Agenda.Look {
        .init(cleanup: cleanup, due: at(due), at: at(due + delay), isFirst: delay == 0)
    }

    @Test("the first instance looks with a tick, at the due time")
    func first() {
        var agenda = Agenda(end: at(10_000))
        agenda.add(look("jobs", due: 500))
        #expect(agenda.next == at(500))
        #expect(agenda.step(at: at(499)) == .wait)
        #expect(agenda.step(at: at(500)) == .tick)
    }

    @Test("another one sees first whether anything is left, of all that is due by then, and looks no second time")
    func others() {
        var agenda = Agenda(end: at(10_000))
        agenda.add(look("a", due: 500, after: 3))
        agenda.add(look("b", due: 501, after: 9))
        agenda.add(look("c", due: 900, after: 1))
        #expect(agenda.next == at(503))
        #expect(agenda.step(at: at(502)) == .wait)
        #expect(agenda.step(at: at(503)) == .peek(["a", "b"]))
        #expect(agenda.step(at: at(510)) == .wait && agenda.next == at(901))
        // Due again, as a peek has shown.
        agenda.add(look("a", due: 800, after: 3))
        #expect(agenda.step(at: at(803)) == .peek(["a"]))
        #expect(agenda.step(at: at(901)) == .peek(["c"]))
        #expect(agenda.next == at(10_000))
        #expect(agenda.step(at: at(10_000)) == .tick)
    }

    @Test("where more is due than it knows of, it looks with a tick")
    func horizon() {
        var agenda = Agenda(end: at(10_000), horizon: at(600))
        agenda.add(look("a", due: 500, after: 3))
        agenda.add(look("b", due: 600, after: 3))
        #expect(agenda.step(at: at(503)) == .peek(["a"]))
        #expect(agenda.step(at: at(603)) == .tick)
    }

    @Test("of two looks at one cleanup the earlier one counts")
    func earlier() {
        var agenda = Agenda(end: at(10_000))
        agenda.add(look("jobs", due: 5_000, after: 2))
        agenda.add(look("jobs", due: 100, after: 2))
        #expect(agenda.next == at(102) && agenda.looks.count == 1)
        agenda.add(look("jobs", due: 7_000))
        #expect(agenda.next == at(102) && agenda.looks.count == 1)
    }
}
