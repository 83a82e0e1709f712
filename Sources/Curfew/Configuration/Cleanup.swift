package import Policies

/// A named, configured use of a policy: what the file says under `cleanups.<name>`.
///
/// Values are checked when the file is read, so that the engine can rely on them: the name is well formed, `records`
/// has `<id>` as its only placeholder, every duration is positive.
package struct Cleanup: Sendable {
    /// How records are kept.
    package enum Format: String, CaseIterable, Sendable {
        /// As hashes; locks also as plain strings.
        case hash
        /// As strings of JSON: one object each.
        case json
    }

    /// What is done where everything that is looked for is missing.
    package enum Missing: String, CaseIterable, Sendable {
        /// The run is refused: it is more likely that the configuration looks in the wrong place.
        case refuse
        /// All may be gone.
        case drop
    }

    /// The name in the file, in keys, in messages.
    package var name: String
    /// The rule that decides over each record.
    package var policy: any Policy
    /// The keys of the records: `job:<id>`.
    package var records: KeyTemplate
    /// What the gap of their keys may hold.
    package var gap = GapRule()
    /// The sorted set kept by the application; nil where Curfew keeps one by itself.
    package var index: String?
    /// The unit of the scores in that sorted set.
    package var indexUnit: ScoreUnit = .milliseconds
    /// What is done where not one record is found for a whole index, or not one object for a page of files.
    package var missing: Missing = .refuse
    /// When the cleanup runs by itself.
    package var schedule: Schedule
    /// Whether the schedule runs it at all; it can still be run by hand.
    package var isEnabled: Bool
    /// Whether every run only watches, and changes nothing.
    package var isDryRun: Bool
    /// The most records one run may touch; nil for no limit.
    package var limit: Int?
    /// The records in one page, 20…1,000; nil where the number adapts to the measured time of a call.
    package var page: Int?
    /// After this time a run stops cleanly, and the rest waits for the next one.
    package var runTimeout: Duration
    /// A run later than this is skipped and recorded as `misfired`; nil: a late run always runs.
    package var misfireGrace: Duration?
    /// How long events and removed records are kept for undo.
    package var undo: Duration
    /// Whether what is removed waits in the trash, from where `undo` can take it; else it is gone at once.
    package var keepsTrash = true
    /// How many replicas must know of a claim before its object is deleted; nil: as many as `min-replicas` says.
    package var replicas: Int?
    /// Who is called after each successful run; nil: nobody.
    package var ping: WebAddress?
    /// How often the keyspace is scanned for records that the index lacks; nil: never.
    package var scan: Duration?
    /// The field that holds a record's status.
    package var statusField: String
    /// How records are kept.
    package var format: Format
    /// What one run may touch of what is tracked; nil: anything.
    package var guardLimits: GuardLimits?
    /// A short name of what the file says of this cleanup.
    package var fingerprint = ""
    /// What the file says of it, key by key; nothing where no file was read.
    package var settings: [Setting] = []
    /// The longest of the policy's timeouts: how far ahead a sweep with a shorter timeout, or at a later time, must look.
    package var longestTimeout: Duration

    /// A cleanup from its parts; what is left out has the default of the file.
    ///
    /// `scan` is taken as given: the default of an hour where Curfew keeps the index is applied by the reader of the file.
    package init(
        name: String,
        policy: any Policy,
        records: KeyTemplate,
        index: String? = nil,
        schedule: Schedule,
        isEnabled: Bool = true,
        isDryRun: Bool = false,
        limit: Int? = nil,
        page: Int? = nil,
        runTimeout: Duration = .seconds(300),
        misfireGrace: Duration? = nil,
        undo: Duration = .seconds(86_400),
        scan: Duration? = nil,
        statusField: String = "status",
        format: Format = .hash,
        longestTimeout: Duration
    ) {
        self.name = name
        self.policy = policy
        self.records = records
        self.index = index
        self.schedule = schedule
        self.isEnabled = isEnabled
        self.isDryRun = isDryRun
        self.limit = limit
        self.page = page
        self.runTimeout = runTimeout
        self.misfireGrace = misfireGrace
        self.undo = undo
        self.scan = scan
        self.statusField = statusField
        self.format = format
        self.longestTimeout = longestTimeout
    }

    /// Which kind of policy it uses.
    package var kind: PolicyKind { type(of: policy).kind }
    /// Whether its changes take records away.
    package var removesRecords: Bool { type(of: policy).removesRecords }

    /// The sorted set in which the records are listed: the application's, or the one that Curfew keeps.
    func indexKey(_ keys: Keys) -> String { index ?? keys.index(name) }

    /// Whether a run of it may be refused: by its guard, or because nothing of what it looks for is there.
    var mayBeRefused: Bool { guardLimits != nil || index != nil || kind == .files }

    /// What `TYPE` says of the records; nil where it may be one or the other, as of locks.
    package var recordType: String? {
        switch format {
        case .json: "string"
        case .hash: kind == .locks ? nil : "hash"
        }
    }

    /// This cleanup with one timeout for every record, in place of the configured ones (`curfew run --timeout 10m`).
    ///
    /// `longestTimeout` stays what the file says: deadlines in the index were computed from it.
    package func with(timeout: Duration) -> Cleanup {
        var cleanup = self
        cleanup.policy.timeoutOverride = timeout
        return cleanup
    }
}
