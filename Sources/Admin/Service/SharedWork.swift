internal import HTTPTypes
internal import Synchronization

/// Expensive reads that several callers may request at once: one at a time per cleanup, and equal requests share one
/// read.
///
/// A read continues as long as a request waits for it. A different request for the same cleanup, such as a preview with
/// another limit, waits for a short time and is then refused. A request is also refused if too many cleanups are being
/// read. Runs and undos have their own slots.
///
/// A cleanup is read at most ten times a second: a new read starts at least a tenth of a second after the previous one.
final class SharedWork<Value: Sendable>: Sendable {
    private struct Reading: Sendable {
        let id: Int
        let question: String
        let task: Task<Value, any Error>
        var waiting = 1
    }

    private let limit: Int
    private let noun: String
    private let patience: Duration
    private let readings = Mutex(State())

    private struct State {
        var under: [String: Reading] = [:]
        var next = 0
        /// When the last read of each cleanup started; one entry per configured cleanup.
        var started: [String: ContinuousClock.Instant] = [:]
    }

    /// The shortest time between the starts of two reads of a cleanup.
    private static var interval: Duration { .milliseconds(100) }

    /// Creates it.
    ///
    /// - Parameters:
    /// - limit: how many cleanups may be read at once.
    /// - noun: what a read is called.
    /// - patience: how long a request waits for the current read before it is refused.
    init(_ limit: Int, noun: String, patience: Duration = .seconds(5)) {
        self.limit = limit
        self.noun = noun
        self.patience = patience
    }

    /// The place of a request.
    private enum Place {
        /// A read that it shares.
        case taken(Reading)
        /// Another read of the cleanup that must end first, or too many reads of other cleanups.
        case busy(Reading?)
    }

    /// The result for a cleanup, shared with a current read of the same request.
    ///
    /// Throws 503 if another read of this cleanup takes too long, or if too many others are running.
    func value(
        of cleanup: String, _ question: String, _ read: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now.advanced(by: patience)
        while true {
            switch place(for: cleanup, question, read) {
            case .taken(let reading):
                return try await withTaskCancellationHandler {
                    try await reading.task.value
                } onCancel: {
                    leave(reading.id, of: cleanup)
                }
            case .busy(let other):
                guard ContinuousClock.now < end else {
                    let what = other == nil ? "\(limit) \(noun)s are" : "another \(noun) of \(cleanup) is"
                    throw AdminError(
                        .serviceUnavailable, "\(what) running on this instance: try again later",
                        headers: [.retryAfter: "5"])
                }
                // Repeated requests are slowed down.
                try await Task.sleep(for: Self.interval)
            }
        }
    }

    private func place(
        for cleanup: String, _ question: String, _ read: @escaping @Sendable () async throws -> Value
    ) -> Place {
        readings.withLock { readings in
            if let under = readings.under[cleanup] {
                guard under.question == question else { return .busy(under) }
                readings.under[cleanup]?.waiting += 1
                return .taken(under)
            }
            guard readings.under.count < limit else { return .busy(nil) }
            readings.next &+= 1
            let id = readings.next
            let now = ContinuousClock.now
            let begin = max(now, readings.started[cleanup]?.advanced(by: Self.interval) ?? now)
            readings.started[cleanup] = begin
            let task = Task(executorPreference: HTTPThreads.readers) {
                // A read that has ended accepts no more callers.
                defer { self.end(id, of: cleanup) }
                if begin > now { try await Task.sleep(until: begin, clock: .continuous) }
                return try await read()
            }
            let reading = Reading(id: id, question: question, task: task)
            readings.under[cleanup] = reading
            return .taken(reading)
        }
    }

    private func end(_ id: Int, of cleanup: String) {
        readings.withLock { readings in
            if readings.under[cleanup]?.id == id { readings.under[cleanup] = nil }
        }
    }

    /// A caller leaves; the last one cancels the read.
    private func leave(_ id: Int, of cleanup: String) {
        let abandoned = readings.withLock { readings -> Reading? in
            guard readings.under[cleanup]?.id == id else { return nil }
            readings.under[cleanup]?.waiting -= 1
            guard let reading = readings.under[cleanup], reading.waiting <= 0 else { return nil }
            readings.under[cleanup] = nil
            return reading
        }
        abandoned?.task.cancel()
    }
}
