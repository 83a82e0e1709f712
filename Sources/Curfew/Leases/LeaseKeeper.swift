internal import Logging

/// Renews the lease of a run every third of its length, in its own task.
///
/// It renews only while the run makes progress: a run that hangs must lose its lease, or it would block its cleanup on
/// every instance for ever. It names the exact term, so an old holder never renews the lease of a new one. Any answer
/// other than a grant stops the run at once; without an answer, the run stops when trust ends.
struct LeaseKeeper: Sendable {
    let coordinator: Coordinator
    let claim: Claim
    let control: RunControl
    let logger: Logger

    /// Renews until the task is cancelled or the lease is lost.
    func run() async {
        let length = coordinator.lease
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: LeaseTrust.interval(of: length))
            } catch {
                return
            }
            guard control.idle < length else {
                logger.error("the run makes no progress: its lease is not renewed")
                return control.stop(.lost)
            }
            if case .lost? = control.stopReason() { return }
            if await !renewOnce() { return }
        }
    }

    /// Renews once; false if the lease is lost.
    private func renewOnce() async -> Bool {
        let attempt = ContinuousClock.now
        do {
            switch try await coordinator.renew(claim, progress: control.progress) {
            case .lost:
                logger.warning("the lease was lost")
                control.stop(.lost)
                return false
            case .renewed(let cancelledBy):
                control.renewed(attempt: attempt)
                if let cancelledBy { control.stop(.cancelled(by: cancelledBy)) }
            }
        } catch {
            // The run has ended in the meantime.
            guard !Task.isCancelled else { return false }
            // Trust continues from the last grant, so the next attempt may still be in time.
            logger.warning("the lease was not renewed", metadata: ["error": "\(error)"])
        }
        return true
    }
}
