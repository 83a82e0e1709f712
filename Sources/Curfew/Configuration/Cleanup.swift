package import Policies

/// A named, configured use of a policy: the section `cleanups.<name>`.
///
/// Values are checked when the file is read, so the engine can rely on them: the name is valid, `<id>` is the only
/// placeholder of `records`, and every duration is positive.
package struct Cleanup: Sendable {
    /// The format of records.
    package enum Format: String, CaseIterable, Sendable {
        /// As hashes; locks also as plain strings.
        case hash
        /// As JSON strings, one object each.
        case json
        /// As plain strings.
        case text
    }

    /// What a run does if everything it looks for is missing.
    package enum Missing: String, CaseIterable, Sendable {
        /// The run is refused: the configuration probably looks in the wrong place.
        case refuse
        /// The records may all be gone.
        case drop
    }

    /// The name in the file, in keys, in messages.
    package var name: String
    /// What people call it, what it belongs to, and its colour: `#rrggbb`, or one of ``LabelColor``.
    package var title: String?, category: String?, color: String?
    /// The policy, which decides on each record.
    package var policy: any Policies.Policy
    /// What is added to the changes of the policy.
    package var additions = ChangeAdditions()
    /// The key template of the records: `job:<id>`.
    package var records: KeyTemplate
    /// Where the records are, if that is more than one key template with `<id>` as its only gap.
    package var source: RecordSource?
    /// What the placeholder of their keys may contain.
    package var gap = GapRule()
    /// The sorted set of the application; nil if Curfew keeps the index.
    package var index: String?
    /// The unit of its scores.
    package var indexUnit: ScoreUnit = .milliseconds
    /// What a run does if it finds no record for a whole index, or no object for a page of files.
    package var missing: Missing = .refuse
    /// The schedule.
    package var schedule: Schedule
    /// Whether the schedule is active; a disabled cleanup can still be run by hand.
    package var isEnabled: Bool
    /// Whether every run is a dry run.
    package var isDryRun: Bool
    /// The most records of one run; nil for no limit.
    package var limit: Int?
    /// The records of one page, 20…1,000; nil if the number adapts to the measured duration of a call.
    package var page: Int?
    /// After this time a run stops cleanly, and the next run continues.
    package var runTimeout: Duration
    /// A run later than this is skipped and recorded as `misfired`; nil if late runs are never skipped.
    package var misfireGrace: Duration?
    /// How long events and removed records are kept for undo.
    package var undo: Duration
    /// Whether removed records are kept in the trash, so that `undo` can restore them.
    package var keepsTrash = true
    /// How many replicas must confirm a claim before its object is deleted; nil for the value of `min-replicas`.
    package var replicas: Int?
    /// The address that is called after each successful run; nil for none.
    package var ping: WebAddress?
    /// How often the keyspace is scanned for records that the index lacks; nil for never.
    package var scan: Duration?
    /// The field with a record's status.
    package var statusField: String
    /// The format of records.
    package var format: Format
    /// The limits of the guard; nil for no guard.
    package var guardLimits: GuardLimits?
    /// A short hash of the cleanup's settings.
    package var fingerprint = ""
    /// The settings of the file; empty if no file was read.
    package var settings: [Setting] = []
    /// The longest timeout of the policy: how far ahead a sweep with a shorter timeout or at a later time must look.
    package var longestTimeout: Duration

    /// Creates a cleanup from its parts; omitted ones have the defaults of the file.
    ///
    /// `scan` is taken as given: the reader of the file applies the default of an hour if Curfew keeps the index.
    package init(
        name: String,
        policy: any Policies.Policy,
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

    /// The kind of its policy.
    package var kind: PolicyKind { type(of: policy).kind }
    /// Every field that has to be read.
    package var fields: [String] {
        let own = policy.fields
        var fields = own + additions.fields.filter { !own.contains($0) }
        guard let source else {
            return fields.contains { $0.hasPrefix("<") } ? fields.filter { !$0.hasPrefix("<") } : fields
        }
        if let name = source.name, !fields.contains(name) { fields.append(name) }
        return fields.filter { !source.isFact($0) }
    }
    /// Those of them that may be paths into a field which holds JSON.
    package var paths: [String] {
        format == .hash ? fields.filter { $0.utf8.contains(UInt8(ascii: ".")) } : []
    }
    /// Those of them that are only looked at, and may hold anything.
    package var looseFields: [String] {
        let own = policy.fields
        let name = (source?.name).map { own.contains($0) ? [] : [$0] } ?? []
        return name + policy.looseFields
            + additions.looseFields.filter { !own.contains($0) && !additions.touch.contains($0) }
    }
    /// The fields of a record that a change may write.
    package var writtenFields: [String] {
        policy.writtenFields + additions.writtenFields.filter { !policy.writtenFields.contains($0) }
    }
    /// The keys beside the record that changes write to.
    package var writes: [KeyUse] { policy.writes + additions.uses }
    /// The keys that go with a record, or with a change.
    package var companions: [KeyTemplate] { writes.filter { $0.role == .companion }.map(\.template) }
    /// Whether there is an index: registries whose scores tell the age of their members need none.
    var isIndexed: Bool { source?.isByScore != true }
    /// Whether Curfew notes when it first saw a value.
    var notesFirstSeen: Bool { policy.manner.notesFirstSeen || policy.since.fields.contains("<seen>") }
    /// Whether each record is a key of its own.
    var hasOwnKeys: Bool {
        guard let source, source.isRegistry else { return true }
        return if case .key = source.body { true } else { false }
    }
    /// The pattern of a scan of the keyspace.
    var scanPattern: String { source?.scanPattern ?? records.scanPattern }
    /// Whether a key can be that of a record.
    func mayHave(_ key: String, id: String) -> Bool {
        if let source { return source.mayMake(key) }
        return records.fits(key, id: id)
    }
    /// Whether its changes take records away.
    package var removesRecords: Bool { policy.removesRecords }

    /// The index: the application's, or the one that Curfew keeps.
    func indexKey(_ keys: Keys) -> String { index ?? keys.index(name) }

    /// Whether a run may be refused: by its guard, or because everything it looks for is missing.
    package var mayBeRefused: Bool { guardLimits != nil || index != nil || kind == .files }

    /// The result of `TYPE` for the records; nil if several types are possible, as for locks.
    package var recordType: String? {
        if source?.isRegistry == true { return nil }
        return switch format {
        case .json, .text: "string"
        case .hash: kind == .locks ? nil : "hash"
        }
    }

    /// This cleanup with one timeout for every record, instead of the configured ones (`curfew run --timeout 10m`).
    ///
    /// `longestTimeout` is unchanged: deadlines in the index were computed from it.
    package func with(timeout: Duration) -> Cleanup {
        var cleanup = self
        cleanup.policy.timeoutOverride = timeout
        return cleanup
    }
}
