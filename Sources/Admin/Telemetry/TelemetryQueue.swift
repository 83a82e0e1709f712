package import Curfew
internal import Synchronization

/// Ended spans that wait to be sent; what comes when it is full is dropped and counted.
package final class TelemetryQueue: Sendable {
    /// The most spans that wait: about two megabytes.
    static let most = 4_096
    /// The most spans of one request.
    static let mostAtOnce = 512

    private struct State {
        var waiting: [FinishedSpan] = []
        var dropped = 0
        /// How many of the dropped ones were counted elsewhere.
        var counted = 0
        var isAway = false
    }

    private let state = Mutex(State())

    /// An empty queue.
    package init() {}

    /// What makes the spans of an engine, which end here.
    package var instruments: Instruments { .spans(of: TelemetryTracer(queue: self)) }

    /// Adds a span, or counts it as dropped.
    func append(_ span: FinishedSpan) {
        state.withLock { state in
            if state.waiting.count < Self.most { state.waiting.append(span) } else { state.dropped += 1 }
        }
    }

    /// The oldest spans; they leave the queue.
    func take() -> [FinishedSpan] {
        state.withLock { state in
            let part = Array(state.waiting.prefix(Self.mostAtOnce))
            state.waiting.removeFirst(part.count)
            return part
        }
    }

    /// Takes back spans that were not delivered; they are the oldest.
    func putBack(_ spans: [FinishedSpan]) { state.withLock { $0.waiting.insert(contentsOf: spans, at: 0) } }

    /// Counts spans that could not be delivered.
    func drop(_ count: Int) { state.withLock { $0.dropped += count } }

    /// How many wait.
    var count: Int { state.withLock(\.waiting.count) }

    /// How many were dropped since the start.
    var dropped: Int { state.withLock(\.dropped) }

    /// How many were dropped since the last call.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.counted = state.dropped }
            return state.dropped - state.counted
        }
    }

    /// Notes whether the collector is away; returns whether it was before.
    func isAway(_ isAway: Bool) -> Bool {
        state.withLock { state in
            defer { state.isAway = isAway }
            return state.isAway
        }
    }
}
