/// Looks again and again until something is there, and answers it.
///
/// For what another process does: it sends no signal that a test could wait for, so the test looks, with a short pause in
/// between. The limit is generous, because machines that run tests are slow; it is reached only where a test fails. Where
/// the processors are busy with something else it is up to four times as long (``Stopwatch``).
///
/// - Throws: ``ChildProcessError`` when the limit is reached; what the look throws; `CancellationError`.
package func eventually<Value>(
    _ what: String,
    within limit: Duration = .seconds(30),
    every pause: Duration = .milliseconds(20),
    _ look: () async throws -> Value?
) async throws -> Value {
    let start = ContinuousClock.now
    let watch = Stopwatch()
    while true {
        if let value = try await look() { return value }
        let time = start.duration(to: .now)
        guard time < limit || (watch.elapsed < limit && time < limit * 4) else {
            throw ChildProcessError("not within \(limit): \(what)")
        }
        try await Task.sleep(for: pause)
    }
}

/// Looks again and again until something is so.
package func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    every pause: Duration = .milliseconds(20),
    _ isSo: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, within: limit, every: pause) { try await isSo() ? () : nil }
}
