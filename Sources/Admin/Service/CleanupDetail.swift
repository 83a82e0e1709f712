package import Curfew
internal import Policies

/// One cleanup: its state and its settings.
package struct CleanupDetail: Sendable, Encodable {
    /// The current state.
    package var cleanup: Status.CleanupStatus
    /// The settings; nil if this instance's configuration doesn't have the cleanup.
    package var settings: CleanupSettings?
}

/// The settings that all policies have in common.
package struct CleanupSettings: Sendable, Encodable {
    /// The policy.
    package var policy: String
    /// The key template of its records, and the index if the application keeps one.
    package var records: String, index: String?
    /// Its schedule.
    package var schedule: String
    /// Whether it is scheduled, and whether its runs are dry runs.
    package var enabled: Bool, dryRun: Bool
    /// The most records per run and per page.
    package var limit: Int?, page: Int?
    /// Durations, as the configuration writes them.
    package var runTimeout: String, misfireGrace: String?, undo: String, scan: String?, longestTimeout: String
    /// The status field, and the format of records.
    package var status: String, format: String
    /// The limits of the guard.
    package var `guard`: String?
    /// A short hash of the cleanup's configuration.
    package var fingerprint: String

    /// The settings of a cleanup.
    package init(_ cleanup: Cleanup) {
        policy = cleanup.kind.rawValue
        records = cleanup.records.text
        index = cleanup.index
        schedule = "\(cleanup.schedule)"
        (enabled, dryRun) = (cleanup.isEnabled, cleanup.isDryRun)
        (limit, page) = (cleanup.limit, cleanup.page)
        runTimeout = cleanup.runTimeout.text
        misfireGrace = cleanup.misfireGrace?.text
        undo = cleanup.undo.text
        scan = cleanup.scan?.text
        longestTimeout = cleanup.longestTimeout.text
        status = cleanup.statusField
        format = cleanup.format.rawValue
        `guard` = cleanup.guardLimits.map { "\($0)" }
        fingerprint = cleanup.fingerprint
    }
}
