internal import Policies

extension Cleanup {
    /// The keys of every cleanup, whatever its policy.
    private static let keys =
        [
            "policy", "every", "cron", "timezone", "records", "index", "scan", "status", "format", "enabled", "dry-run",
            "limit", "page", "run-timeout", "misfire-grace", "undo", "ping", "guard", "missing", "time-unit", "zone",
            "null-times", "allow", "only", "except", "trash", "touch", "carry", "title", "category", "color", "take",
        ] + RecordSource.keys + ActionEffects.sections.map(\.name).filter { $0 != "retry" }

    /// Reads a cleanup; nil if it has a problem.
    ///
    /// It reads everything before it gives up, so that every problem is reported. The keys of a policy can't be checked
    /// if the policy is unknown.
    init?(_ entry: YAMLNode.Entry, in list: Section) {
        NameRule.check(entry, in: list)
        // A list of one template is that template, as its fingerprint says.
        let value = entry.value.withSingle("records")
        guard var section = list.inner(value, entry.key, line: entry.line) else { return nil }
        section.templates.values = section.choice("allow", [.any]) ?? .plain
        let kind = Self.policyKind(section)
        let (records, source) = section.recordSource(kind?.kind)
        section.templates.isOfMessages = section.isInRegistries
        section.templates.mayBeginWithID = records?.literalStart.isEmpty == true
        if let kind {
            section.expect(Self.keys + kind.keys)
        } else if !section.has("policy") {
            // The key itself may be misspelt; those of a policy can't be checked without one.
            let known = Set(Self.keys + section.policies.flatMap { $0.keys })
            for entry in section.entries where !known.contains(entry.key) { section.misspelt(entry, among: Self.keys) }
        }
        let format = Self.format(section, kind)
        let status = section.text("status", expected: "the name of a field") ?? "status"
        var policy = kind?.init(section, status: status)
        policy?.times = TimeReading(section)
        policy?.origin.cleanup = entry.key
        let additions = section.additions(kind, policy, status: status)
        let schedule = Schedule(section)
        let options = Options(section)
        let gap =
            source == nil || source?.name != nil && source?.gaps.isEmpty == true && !section.isInRegistries
            ? GapRule(section) : GapRule()
        let limits = section.guardLimits(for: kind)
        if let policy { section.checkWords(policy.since.fields, source) }
        guard let policy, let records, let schedule else { return nil }
        self.init(
            name: entry.key, policy: policy, records: records, index: options.index, schedule: schedule,
            isEnabled: options.isEnabled ?? true, isDryRun: options.isDryRun ?? false, limit: options.limit,
            page: options.page, misfireGrace: options.misfireGrace, statusField: status, format: format,
            longestTimeout: policy.longestTimeout)
        self.gap = gap
        self.source = source
        self.additions = additions
        indexUnit = options.indexUnit ?? indexUnit
        missing = options.missing ?? missing
        runTimeout = options.runTimeout ?? runTimeout
        undo = options.undo ?? undo
        keepsTrash = options.keepsTrash ?? keepsTrash
        replicas = options.replicas
        ping = options.ping
        guardLimits = limits
        (title, category, color) = (options.title, options.category, options.color)
        let place = ["cleanups", entry.key]
        fingerprint = Fingerprint.of(entry.value, at: place)
        settings = Self.settings(in: entry.value, at: place)
        scan = options.scan ?? Self.usualScan(source, hasIndex: options.index != nil)
    }

    /// How often the keyspace is scanned where the file doesn't say so: registries that are named need none, and those
    /// that aren't come and go with queues and workers.
    private static func usualScan(_ source: RecordSource?, hasIndex: Bool) -> Duration? {
        guard let source, source.isRegistry else { return hasIndex ? nil : .seconds(3600) }
        return source.isScanned ? .seconds(300) : nil
    }

    /// The optional keys of every cleanup.
    private struct Options {
        let index: String?
        let indexUnit: ScoreUnit?
        let missing: Missing?
        let scan: Duration?
        let isEnabled: Bool?
        let isDryRun: Bool?
        let limit: Int?
        let page: Int?
        let runTimeout: Duration?
        let misfireGrace: Duration?
        let undo: Duration?
        let keepsTrash: Bool?
        let replicas: Int?
        let ping: WebAddress?
        let title: String?, category: String?, color: String?

        init(_ section: Section) {
            (index, indexUnit) = Self.index(section)
            if let index, section.templates.keys.own(index) {
                let written = section.quoted(index, of: "index")
                section.problem("index", "\(written) is one of Curfew's own keys, expected a key of the application")
            }
            missing = section.choice("missing", Missing.allCases)
            scan = section.duration("scan", atLeast: .seconds(1))
            isEnabled = section.flag("enabled")
            isDryRun = section.flag("dry-run")
            limit = section.integer("limit", in: 1...Int.max)
            page = section.integer("page", in: 20...1000)
            runTimeout = section.duration("run-timeout", atLeast: .seconds(1))
            misfireGrace = section.duration("misfire-grace")
            undo = section.duration("undo")
            keepsTrash = section.value("trash", expected: "on or off") { $0 == "on" ? true : $0 == "off" ? false : nil }
            replicas = section.integer("replicas", in: 0...100)
            ping = section.address("ping")
            title = section.label("title")
            category = section.label("category")
            color = section.value("color", expected: LabelColor.expected, LabelColor.read)
        }

        /// `index`: the name of a sorted set, or a section with the unit of its scores.
        private static func index(_ section: Section) -> (key: String?, unit: ScoreUnit?) {
            let expected = "the name of one sorted set, without placeholders"
            func name(_ text: String) -> String? {
                text.isEmpty || text.contains { "<>".contains($0) } ? nil : text
            }
            guard let entry = section.entry("index"), case .section = entry.value.content else {
                return (section.value("index", expected: expected, name), nil)
            }
            guard let inner = section.section("index") else { return (nil, nil) }
            inner.expect(["key", "unit"])
            let unit = inner.choice("unit", ScoreUnit.allCases)
            return (inner.value("key", isRequired: true, expected: expected, name), unit)
        }
    }

    private static func policyKind(_ section: Section) -> (any ConfiguredPolicy.Type)? {
        let kinds = section.policies
        let words = kinds.map { $0.kind.rawValue }
        let expected = "one of \(words.joined(separator: ", "))"
        guard let scalar = section.scalar("policy", isRequired: true, expected: expected) else { return nil }
        if let kind = kinds.first(where: { $0.kind.rawValue == scalar.text }) { return kind }
        section.problem("policy", section.unknown("“\(scalar.written)”", scalar.text, words))
        return nil
    }

    /// The format of records.
    ///
    /// The age of a JSON lock can't be counted from when its value was first seen: the value may change while the lock
    /// is held.
    private static func format(_ section: Section, _ kind: (any ConfiguredPolicy.Type)?) -> Format {
        let format = section.choice("format", Format.allCases) ?? .hash
        if format == .json, kind?.kind == .locks, !section.has("since"), !section.isInRegistries {
            section.problem("since", "missing, expected the field with the time of the acquisition (format is json)")
        }
        return format
    }
}
