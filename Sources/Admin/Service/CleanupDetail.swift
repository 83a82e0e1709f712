package import Curfew
internal import Policies

/// One cleanup: its state and its settings.
package struct CleanupDetail: Sendable, Encodable {
    /// What it does now.
    package var cleanup: Status.CleanupStatus
    /// What the configuration says of it; nil where only another instance's has it.
    package var settings: CleanupSettings?
}

/// What the configuration says of a cleanup, as far as it is the same for every policy.
package struct CleanupSettings: Sendable, Encodable {
    /// The policy.
    package var policy: String
    /// The keys of its records, and the index where the app keeps one.
    package var records: String, index: String?
    /// When it runs.
    package var schedule: String
    /// Whether it runs by itself, and whether it only watches.
    package var enabled: Bool, dryRun: Bool
    /// The most records per run and per page.
    package var limit: Int?, page: Int?
    /// Times, as a configuration writes them.
    package var runTimeout: String, misfireGrace: String?, undo: String, scan: String?, longestTimeout: String
    /// Where a record's status is, and how records are kept.
    package var status: String, format: String
    /// What one run may touch.
    package var `guard`: String?
    /// A short name of all that is configured of it.
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
