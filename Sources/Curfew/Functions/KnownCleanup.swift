internal import Policies

/// A cleanup as an instance tells of it to the functions.
struct KnownCleanup: Sendable {
    /// The due time of a cleanup that isn't on the schedule yet.
    enum Next: Sendable {
        /// At once, and then at this interval.
        case every(milliseconds: Int64)
        /// At that time.
        case at(milliseconds: Int64)
    }

    let name: String
    let policy: String
    let isDryRun: Bool
    let next: Next

    /// Its words in a call.
    var words: [String] {
        let times =
            switch next {
            case .every(let milliseconds): [String(milliseconds), "0"]
            case .at(let milliseconds): ["0", String(milliseconds)]
            }
        return [name, policy, isDryRun ? "1" : "0"] + times
    }
}

extension KnownCleanup {
    init(_ cleanup: Cleanup, now: Timestamp) {
        name = cleanup.name
        policy = cleanup.kind.rawValue
        isDryRun = cleanup.isDryRun
        next =
            switch cleanup.schedule {
            case .every(let interval): .every(milliseconds: interval.milliseconds)
            case .cron: .at(milliseconds: cleanup.schedule.first(from: now).milliseconds)
            }
    }
}
