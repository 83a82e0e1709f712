import Curfew
import Policies
import TestNeeds
import Testing

@testable import Admin

@Suite("Dashboard: measured hours", .tags(.pure))
struct DashboardMeasuredHoursTests {
    private static let now = Timestamp(milliseconds: 1_000 * 3_600_000 + 1_800_000)

    private func entry(
        hoursAgo: Int64, _ sequence: Int = 0, cleanup: String = "jobs", changed: String = "1", failed: String = "0",
        backlog: String = "0", kind: String = "run"
    ) -> StreamEntry {
        StreamEntry(
            id: "\(Self.now.milliseconds - hoursAgo * 3_600_000)-\(sequence)",
            fields: [
                ("kind", kind), ("cleanup", cleanup), ("changed", changed), ("failed", failed), ("backlog", backlog),
            ])
    }

    @Test("runs of an hour are added up, and the last one says what is left")
    func sums() {
        var hours = MeasuredHours()
        hours.add([
            entry(hoursAgo: 2, changed: "3", backlog: "9"),
            entry(hoursAgo: 2, 1, changed: "4", failed: "1", backlog: "5"),
            entry(hoursAgo: 0, cleanup: "files", changed: "2", backlog: "1"),
        ])
        let all = hours.points(until: Self.now)
        #expect(all.count == 24)
        #expect(all[21].changed == 7 && all[21].failed == 1 && all[21].backlog == 5)
        #expect(all[22].changed == 0 && all[22].backlog == 5)
        #expect(all[23].changed == 2 && all[23].backlog == 6)
        #expect(all[20].backlog == nil)
        #expect(hours.points(of: "files", until: Self.now)[23].backlog == 1)
        // What is due now is the truth of the hour under way, and of no other.
        let live = hours.points(until: Self.now, dueNow: 70)
        #expect(live[22].backlog == 5 && live[23].backlog == 70)
    }

    @Test("an entry that comes twice counts once, and the next reading goes on after the last")
    func twice() {
        var hours = MeasuredHours()
        let entries = [entry(hoursAgo: 1), entry(hoursAgo: 1, 10), entry(hoursAgo: 1, 9)]
        hours.add(entries)
        hours.add(entries)
        #expect(hours.points(until: Self.now)[22].changed == 2)
        #expect(hours.last == entries[1].id)
    }

    @Test("what is no run, or no number, adds nothing, and sums don't overflow")
    func hostile() {
        var hours = MeasuredHours()
        hours.add([
            entry(hoursAgo: 0, changed: "\(Int64.max)"), entry(hoursAgo: 0, 1, changed: "5"),
            entry(hoursAgo: 0, 2, changed: "-7", backlog: "<b>"), entry(hoursAgo: 0, 3, changed: "9", kind: "instance"),
        ])
        #expect(hours.points(until: Self.now)[23].changed == .max)
    }
}
