internal import Policies
internal import RedisClient

/// A policy of the program's own, as the engine uses it.
///
/// What it declares is read once, when the configuration is; its verdicts are made on a ``JudgeThread``, and each is
/// checked against what was declared before the engine sees it.
struct CustomPolicy<Own: Policy>: ConfiguredPolicy, ForeignPolicy {
    /// Its name.
    static var kind: PolicyKind { PolicyKind(rawValue: Own.name.fromProgram) }
    /// The keys that it says.
    static var keys: [String] { Own.keys.map(\.fromProgram) }

    let own: Own
    let declared: PolicyDeclaration
    /// Whether records may be plain strings.
    let takesText: Bool
    /// How long one verdict may take.
    let share: Duration
    let meaning: String
    /// Nothing: it looks at times itself.
    let since: Start = []
    var timeoutOverride: Duration?
    var times = TimeReading()
    var origin = EffectOrigin()

    init?(_ section: Section, status: String) {
        let before = section.problems.count
        let read: Own?
        do {
            read = try Own(reading: PolicySection(section))
        } catch {
            read = nil
            section.report("\(Own.name) can't be read: \(Self.words(of: error))")
        }
        guard let own = read else {
            if section.problems.count == before {
                section.report("\(Own.name) can't be made of this section, and doesn't say why")
            }
            return nil
        }
        self.own = own
        meaning = own.meaning.fromProgram
        declared = PolicyDeclaration(own)
        for problem in declared.problems(section.templates) { section.report("\(Own.name) \(problem)") }
        if case .scalar(let scalar)? = section.entry("format")?.value.content {
            takesText = scalar.text == "text"
        } else {
            takesText = false
        }
        share = Self.share(of: section.duration("run-timeout", atLeast: .seconds(1)) ?? .seconds(300))
    }

    /// A tenth of the time that a run has, and at least a second.
    static func share(of runTimeout: Duration) -> Duration { max(runTimeout / 10, .seconds(1)) }

    /// What was thrown, in words that don't fill the log.
    static func words(of error: any Error) -> String { "\(error)".fromProgram.shortened(to: 500) }
}

extension Section {
    /// Reports what is wrong with the whole section.
    fileprivate func report(_ message: String) {
        problems.add(line: line, path: path, message)
    }
}

/// What the engine asks of any policy.
extension CustomPolicy {
    var fields: [String] { declared.fields }
    var looseFields: [String] { declared.looseFields }
    var writtenFields: [String] { declared.writtenFields }
    var reads: [KeyUse] { declared.readUses }
    var writes: [KeyUse] { declared.writeUses }
    var removesRecords: Bool { declared.removes }
    /// Its guards are its own: nobody knows whether they hold before they are looked at.
    var guardsWhatWasRead: Bool { false }
    var longestTimeout: Duration { timeoutOverride ?? declared.timeout }

    /// Where a refund stands, so that an undo finds it again.
    func charge(of record: Record) throws(RecordError) -> Charge? {
        try declared.refund.map { refund throws(RecordError) in
            Charge(
                balance: try refund.balance.template.expand(for: record), field: refund.field?.fromProgram,
                ledger: try refund.ledger.template.expand(for: record),
                entries: [try refund.entry(of: record)])
        }
    }

    /// There is more to be known: a verdict is waited for, and this doesn't wait.
    func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        if case .missing = record.content { return Self.gone }
        return .ask([])
    }

    static var gone: Verdict { .drop(because: "the record is gone", guards: [.recordMissing]) }

    private var thread: JudgeThread { JudgeThread.of(Own.self, named: Own.name.fromProgram, cleanup: origin.cleanup) }

    func checkIsFree() throws(CurfewError) { try thread.checkIsFree() }

    func verdicts(
        on records: [Record], at now: Timestamp, waiting: @escaping @Sendable () throws -> Void
    ) async throws -> [Result<Verdict, RecordError>] {
        let watch = FieldWatch(declared.known)
        var verdicts = try await thread.values(
            records.count, limit: share, name: { records[$0].name }, waiting: waiting
        ) { place in
            Result { () throws(RecordError) in try judge(records[place], at: now, watch) }
        }
        guard verdicts.count < records.count else { return verdicts }
        let late = records[verdicts.count].name.shortened(to: 200)
        verdicts.append(
            .failure(RecordError("the policy \(Own.name) didn't come back with a verdict within \(share.text)")))
        let rest = Leave(until: nil, because: "not looked at: the policy \(Own.name) hasn't come back from \(late)")
        while verdicts.count < records.count { verdicts.append(.success(.leave(rest))) }
        return verdicts
    }

    /// The verdict on one record, checked.
    func judge(_ record: Record, at now: Timestamp, _ watch: FieldWatch) throws(RecordError) -> Verdict {
        switch record.content {
        case .missing: return Self.gone
        case .text where record.place == nil && !takesText:
            throw RecordError("\(record.key) is a plain string: expected a hash")
        case .text, .hash: break
        }
        let shown = PolicyRecord(
            record: record, times: times, now: now, watch: watch, timeout: longestTimeout)
        let verdict: PolicyVerdict
        do {
            verdict = try own.verdict(on: shown, at: PolicyTime(now))
        } catch {
            _ = watch.take()
            throw RecordError(Self.thrown(error))
        }
        if let field = watch.take() {
            throw RecordError(
                "the policy \(Own.name) looks at \(field), which its reads don't declare: expected one of "
                    + declared.fields.joined(separator: ", "))
        }
        return try checked(verdict, on: record, at: now)
    }

    private static func thrown(_ error: any Error) -> String {
        guard let error = error as? PolicyError else { return "the policy \(Own.name) failed: \(words(of: error))" }
        return error.message.isEmpty
            ? "the policy \(Own.name) throws, and doesn't say why" : error.message.fromProgram.shortened(to: 500)
    }
}

extension PolicyRefund {
    /// What names the charge of a record in the ledger.
    func entry(of record: Record) throws(RecordError) -> String {
        guard let started = record.present(since.fromProgram) else {
            throw RecordError("\(since.fromProgram) is missing: it tells one charge from another")
        }
        return "\(record.identity)@\(started)"
    }
}
