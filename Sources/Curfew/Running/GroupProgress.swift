/// The progress of a group of runs, 0–100, and its step in words.
///
///     0    10 ─── 20 ───────────────────────────── 90 ─────────────── 100
///     before  find     stale jobs are handled         all that follows
///
/// Callers know the band from 20 to 90 as the handling of stale jobs. It goes to the first cleanup of jobs, the last one
/// and everything between them, in equal parts; what precedes them has the first ten percent and what follows the last
/// ten. A group without jobs is divided equally. The progress never goes back.
package struct GroupProgress: Sendable {
    /// One cleanup, and where it begins and ends.
    private struct Part {
        let work: WorkKind
        let start: Double
        let end: Double
        /// The progress until the first record was handled.
        let finding: Double
    }

    /// Where a group is.
    package struct Place: Sendable, Equatable {
        /// 0–100; 100 is left to the end.
        package var percent: Int
        /// The step in words.
        package var step: String
    }

    private let parts: [Part]

    /// The progress of a group with these cleanups, in their order.
    package init(_ works: [WorkKind]) {
        guard let first = works.firstIndex(of: .jobs), let last = works.lastIndex(of: .jobs) else {
            parts = Self.parts(works[...], from: 0, to: 100)
            return
        }
        var middle = Self.parts(works[first...last], from: 20, to: 90)
        middle[0] = Part(work: .jobs, start: 20, end: middle[0].end, finding: 10)
        parts =
            Self.parts(works[..<first], from: 0, to: 10) + middle
            + Self.parts(works[(last + 1)...], from: 90, to: 100)
    }

    private static func parts(_ works: ArraySlice<WorkKind>, from start: Double, to end: Double) -> [Part] {
        let share = (end - start) / Double(max(1, works.count))
        return works.enumerated().map { number, work in
            let begin = start + share * Double(number)
            return Part(work: work, start: begin, end: begin + share, finding: begin)
        }
    }

    /// Before the first cleanup.
    package var start: Place { Place(percent: 0, step: parts.first?.work.firstStep ?? Self.end.step) }

    /// At the end.
    package static let end = Place(percent: 100, step: "Done")

    /// During the cleanup of that number.
    ///
    /// - Parameters:
    /// - percent: the progress of its run.
    /// - hasBegun: whether a record was handled.
    package func place(during number: Int, percent: Int, hasBegun: Bool) -> Place {
        guard parts.indices.contains(number) else { return start }
        let part = parts[number]
        guard hasBegun else { return Place(percent: Int(part.finding), step: part.work.firstStep) }
        let share = Double(max(0, min(percent, 100))) / 100
        return Place(percent: min(99, Int(part.start + (part.end - part.start) * share)), step: part.work.step)
    }
}
