internal import HTTPTypes
internal import Synchronization

/// Costly reading that several may ask for at once: of each cleanup one at a time, and who asks for the same waits for the same.
///
/// A reading goes on for as long as somebody waits for it. Whoever asks for another one of the same cleanup meanwhile, a
/// preview with another limit, waits for it to end, but not for long, and is then told to come back; so is whoever finds too
/// many cleanups being read. None of it takes a place from runs and undos.
///
/// However often somebody asks, a cleanup is read ten times a second at most: the next reading begins a tenth of a second
/// after the last one did, and whoever asks meanwhile waits for that.
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
        /// When the last reading of each cleanup began; there are as many as are configured.
        var begun: [String: ContinuousClock.Instant] = [:]
    }

    /// What lies at least between the beginnings of two readings of a cleanup.
    private static var interval: Duration { .milliseconds(100) }

    /// Makes it.
    ///
    /// - Parameters:
    ///   - limit: of how many cleanups at once.
    ///   - noun: what one reading is called.
    ///   - patience: how long a question waits for the one under way, before it is refused.
    init(_ limit: Int, noun: String, patience: Duration = .seconds(5)) {
        self.limit = limit
        self.noun = noun
        self.patience = patience
    }

    /// What there is for a question.
    private enum Place {
        /// A reading whose answer it shares.
        case taken(Reading)
        /// Another one that must end first, or so many of other cleanups.
        case busy(Reading?)
    }

    /// The answer to a question about a cleanup, from a reading under way where there is one for the same question.
    ///
    /// Throws 503 where another one of this cleanup takes too long, or too many others are under way.
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
                        .serviceUnavailable, "\(what) under way here: expected one to end first",
                        headers: [.retryAfter: "5"])
                }
                // Whoever asks again and again is kept from asking as often as he can.
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
            let begin = max(now, readings.begun[cleanup]?.advanced(by: Self.interval) ?? now)
            readings.begun[cleanup] = begin
            let task = Task(executorPreference: HTTPThreads.readers) {
                // Nobody joins one that has ended.
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

    /// One who waited goes; the last one takes the reading with it.
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
