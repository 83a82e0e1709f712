internal import Policies

/// What a cleanup is to callers who know kinds of work and not policies.
package enum WorkKind: Sendable, CaseIterable {
    /// Jobs that are stuck.
    case jobs
    /// Jobs that ended long ago.
    case history
    /// Other records that are old enough to go.
    case downloads
    /// Plans whose job is gone.
    case plans
    /// Generations whose counters don't add up.
    case generations
    /// Locks whose holders are gone.
    case locks
    /// Batches that were paused and forgotten.
    case batches
    /// Files without an owner.
    case files
    /// What a policy of a program's own does.
    case other

    /// The step of a group during such a cleanup, in words.
    var step: String {
        switch self {
        case .jobs: "Handling stale jobs…"
        case .history: "Deleting old history…"
        case .downloads: "Deleting old downloads…"
        case .plans: "Updating stuck plans…"
        case .generations: "Fixing stuck generations…"
        case .locks: "Removing expired locks…"
        case .batches: "Cancelling abandoned batches…"
        case .files: "Deleting orphaned files…"
        case .other: "Cleaning up…"
        }
    }

    /// The same before the first record was handled.
    var firstStep: String { self == .jobs ? "Finding stale jobs…" : step }
}

extension Configuration {
    /// What a cleanup is to callers who know kinds of work.
    ///
    /// A `retention` cleanup is about the history of jobs if a `stuck` cleanup has the same records.
    package func work(of cleanup: Cleanup) -> WorkKind {
        switch cleanup.kind {
        case .stuck: .jobs
        case .counters: .generations
        case .locks: .locks
        case .paused: .batches
        case .dependent: .plans
        case .files: .files
        case .retention:
            cleanups.contains { $0.kind == .stuck && $0.records.text == cleanup.records.text } ? .history : .downloads
        default: .other
        }
    }
}
