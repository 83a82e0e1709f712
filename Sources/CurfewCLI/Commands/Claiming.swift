internal import Curfew

/// How a command gets the lease of a cleanup, or says why it can't have it.
struct Claiming {
    let engine: Engine
    let cleanup: Cleanup
    /// Whether it waits where another instance holds the lease.
    let waits: Bool

    /// Claims the cleanup, which is noted together with who asked for it.
    func claim(
        trigger: String, isDryRun: Bool, by person: String = Person.name, detail: String = ""
    ) async throws -> (Claim, ServerClock) {
        while true {
            let answer = try await engine.coordinator.claim(
                cleanup, trigger: trigger, isDryRun: isDryRun, by: person, detail: detail)
            switch answer.outcome {
            case .claimed(let claim): return (claim, answer.clock)
            case .held(let holder, let run, let end):
                guard waits else {
                    throw CurfewError(
                        .held,
                        "\(cleanup.name) is being run by \(holder) (\(run)), whose lease lasts until \(end.iso8601) at least; --wait waits for it"
                    )
                }
                // Long enough not to press, short enough not to miss the end by much.
                try await Task.sleep(for: min(.milliseconds(500), engine.coordinator.lease / 4))
            case .paused(let text):
                let pause = CleanupPause(text: text)
                throw CurfewError(
                    .paused,
                    "\(cleanup.name) was paused by \(pause.by) at \(pause.at): \(pause.why). “curfew resume \(cleanup.name)” lets it run"
                )
            case .nothing:
                throw CurfewError(.damaged, "the claim of \(cleanup.name) was not answered")
            }
        }
    }
}
