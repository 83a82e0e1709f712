import Foundation
import Policies

@testable import Curfew

/// How an app writes its times, by other means than those under test.
enum WrittenTime: String, CaseIterable, Sendable {
    case seconds, milliseconds, iso8601

    func text(_ time: Timestamp) -> String {
        switch self {
        case .seconds: return String(time.milliseconds / 1_000)
        case .milliseconds: return String(time.milliseconds)
        case .iso8601:
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            return formatter.string(from: Date(timeIntervalSince1970: Double(time.milliseconds) / 1_000))
        }
    }

    /// The time, cut to what the form can hold; nil where the text has another form.
    func time(_ text: String) -> Timestamp? {
        switch self {
        case .seconds:
            return text.count == 10 ? Int64(text).map { Timestamp(milliseconds: $0 * 1_000) } : nil
        case .milliseconds:
            return text.count == 13 ? Int64(text).map(Timestamp.init(milliseconds:)) : nil
        case .iso8601:
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            return formatter.date(from: text).map {
                Timestamp(milliseconds: Int64(($0.timeIntervalSince1970 * 1_000).rounded()))
            }
        }
    }

    /// How coarse it is.
    var grain: Duration { self == .seconds ? .seconds(1) : .milliseconds(1) }
}

/// The cleanups that most sweeps are tested with: everything that a policy can be told.
enum SweepCleanups {
    static let stuck = """
        stuck-jobs:
          policy: stuck
          every: 15m
          records: job:<id>
          index: jobs:deadlines
          states: [PROCESSING]
          since: [processingStartedAt, updatedAt]
          heartbeat: heartbeatAt
          timeout: 5m
          timeouts: {by: tier, TIER_4K: 20m}
          alive: worker:<workerId>:alive
          completed-when: resultUrl
          to: FAILED
          refund: {amount: tokensCost, balance: "user:<userId>:tokens", ledger: "user:<userId>:refunds"}
        """

    static let retried = stuck + "\n  retry: {limit: 2, window: 72h, to: QUEUED, queue: jobs:queued}"

    static let counters = """
        stuck-generations:
          policy: counters
          every: 30m
          records: generation:<id>
          index: generations
          states: [queuing, processing]
          since: [updated_at]
          timeout: 3h
          total: total_requested
          counters: {queued: queued, processing: processing, completed: completed, failed: failed}
        """

    static let locks = """
        generation-locks:
          policy: locks
          every: 30m
          records: lock:<id>
          index: locks
          since: [acquired_at]
          timeout: 3h
          alive: worker:<owner>:alive
        """

    static let textLocks = """
        text-locks:
          policy: locks
          every: 30m
          records: mutex:<id>
          index: mutexes
          timeout: 3h
        """

    /// Without an index: Curfew keeps one.
    static let unindexed = """
        no-index:
          policy: stuck
          every: 15m
          records: plain:<id>
          states: [PROCESSING]
          since: [updatedAt]
          timeout: 5m
          to: FAILED
        """
}
