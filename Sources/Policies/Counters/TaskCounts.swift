/// How many tasks of a group are in each state.
struct TaskCounts: Equatable {
    var queued: Int64 = 0
    var processing: Int64 = 0
    var completed: Int64 = 0
    var failed: Int64 = 0

    /// The sum of all four; nil where it is beyond `Int64`.
    var sum: Int64? {
        var sum: Int64 = 0
        for count in [queued, processing, completed, failed] {
            let (next, overflow) = sum.addingReportingOverflow(count)
            guard !overflow else { return nil }
            sum = next
        }
        return sum
    }

    /// Whether these can be counts of that many tasks: none negative, and not more in sum.
    func isPossible(of total: Int64) -> Bool {
        guard queued >= 0, processing >= 0, completed >= 0, failed >= 0, let sum else { return false }
        return sum <= total
    }

    /// The nearest counts that are possible: the ends of tasks are believed before their activity, and a success
    /// before a failure, since it is the success that the app was paid for.
    func clamped(to total: Int64) -> TaskCounts {
        var rest = total
        func take(_ count: Int64) -> Int64 {
            let taken = min(max(count, 0), rest)
            rest -= taken
            return taken
        }
        var counts = TaskCounts()
        counts.completed = take(completed)
        counts.failed = take(failed)
        counts.processing = take(processing)
        counts.queued = take(queued)
        return counts
    }

    /// How far one number is from another; saturates at the end of `Int64`.
    static func distance(from one: Int64, to other: Int64) -> Int64 {
        let (difference, overflow) = one.subtractingReportingOverflow(other)
        return overflow ? .max : Int64(clamping: difference.magnitude)
    }

    /// The sum of two numbers that aren't negative; saturates at the end of `Int64`.
    static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
