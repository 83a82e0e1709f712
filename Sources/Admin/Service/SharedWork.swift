internal import HTTPTypes
internal import Synchronization

/// Costly reading that several may ask for at once: of each cleanup one at a time, and who asks for the same waits for the same.
///
/// A reading goes on for as long as somebody waits for it. Whoever asks for another one of the same cleanup meanwhile, a
/// preview with another limit, is told to come back; so is whoever finds too many cleanups being read. None of it takes a
/// place from runs and undos.
final class SharedWork<Value: Sendable>: Sendable {
    private struct Reading: Sendable {
        let id: Int
        let question: String
        let task: Task<Value, any Error>
        var waiting = 1
    }

    private let limit: Int
    private let noun: String
    private let readings = Mutex<(under: [String: Reading], next: Int)>(([:], 0))

    /// Makes it.
    ///
    /// - Parameters:
    ///   - limit: of how many cleanups at once.
    ///   - noun: what one reading is called.
    init(_ limit: Int, noun: String) {
        self.limit = limit
        self.noun = noun
    }

    /// The answer to a question about a cleanup, from a reading under way where there is one for the same question.
    ///
    /// Throws 503 where another one of this cleanup, or one of too many others, is under way.
    func value(
        of cleanup: String, _ question: String, _ read: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let reading = try readings.withLock { readings throws(AdminError) -> Reading in
            if let under = readings.under[cleanup] {
                guard under.question == question else {
                    throw refused("another \(noun) of \(cleanup) is under way here")
                }
                readings.under[cleanup]?.waiting += 1
                return under
            }
            guard readings.under.count < limit else { throw refused("\(limit) \(noun)s are under way here") }
            readings.next &+= 1
            let id = readings.next
            let task = Task(executorPreference: HTTPThreads.readers) {
                // Nobody joins one that has ended.
                defer { self.end(id, of: cleanup) }
                return try await read()
            }
            let reading = Reading(id: id, question: question, task: task)
            readings.under[cleanup] = reading
            return reading
        }
        return try await withTaskCancellationHandler {
            try await reading.task.value
        } onCancel: {
            leave(reading.id, of: cleanup)
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

    private func refused(_ why: String) -> AdminError {
        AdminError(.serviceUnavailable, "\(why): expected one to end first", headers: [.retryAfter: "5"])
    }
}
