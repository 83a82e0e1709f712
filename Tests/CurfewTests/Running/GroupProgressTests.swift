import Curfew
import TestNeeds
import Testing

@Suite("The progress of a group of runs", .tags(.pure))
struct GroupProgressTests {
    /// The progress at the beginning of each cleanup, in its middle and at its end.
    private static func course(_ works: [WorkKind]) -> [GroupProgress.Place] {
        let progress = GroupProgress(works)
        return [progress.start]
            + works.indices.flatMap { number in
                [(0, false), (50, true), (100, true)].map {
                    progress.place(during: number, percent: $0.0, hasBegun: $0.1)
                }
            } + [GroupProgress.end]
    }

    @Test("finding stale jobs, 20 to 90 while they are handled, then history, downloads, plans, 100")
    func usual() {
        let course = Self.course([.jobs, .history, .downloads, .plans])
        let percents = [0, 10, 55, 90, 90, 91, 93, 93, 95, 96, 96, 98, 99, 100]
        #expect(course.map(\.percent) == percents)
        let find = "Finding stale jobs…"
        let steps = [
            find, find, "Handling stale jobs…", "Handling stale jobs…", "Deleting old history…",
            "Deleting old history…", "Deleting old history…", "Deleting old downloads…", "Deleting old downloads…",
            "Deleting old downloads…", "Updating stuck plans…", "Updating stuck plans…", "Updating stuck plans…",
            "Done",
        ]
        #expect(course.map(\.step) == steps)
        #expect(GroupProgress([.jobs]).place(during: 0, percent: 0, hasBegun: true).percent == 20)
    }

    @Test(
        "whatever the order of the cleanups, it never goes back, and reaches 100 only at the end",
        arguments: [
            [], [.files], [.plans, .locks], [.locks, .jobs], [.jobs, .plans, .jobs], WorkKind.allCases,
            WorkKind.allCases.reversed(), Array(repeating: .jobs, count: 150), Array(repeating: .other, count: 150),
        ] as [[WorkKind]])
    func anyOrder(_ works: [WorkKind]) {
        let percents = Self.course(works).map(\.percent)
        #expect(percents.first == 0 && percents.last == 100)
        #expect(zip(percents, percents.dropFirst()).allSatisfy { $0 <= $1 }, "\(percents)")
        #expect(percents.dropLast().allSatisfy { $0 < 100 })
    }

    @Test("a progress or a number that can't be is no other place")
    func outOfRange() {
        let progress = GroupProgress([.jobs])
        #expect(progress.place(during: 0, percent: 1_000, hasBegun: true).percent == 90)
        #expect(progress.place(during: 0, percent: -5, hasBegun: true).percent == 20)
        #expect(progress.place(during: 7, percent: 50, hasBegun: true) == progress.start)
    }
}
