internal import Policies
internal import RedisClient

/// Reads records and answers what policies ask about them, each step in one pipeline.
struct RecordReader {
    let redis: RedisClient
    let cleanup: Cleanup
    let keys: Keys
    /// The fields that the policy wants, as words of a command.
    private let fields: RedisCommand?
    /// What is added to changes; nil for nothing.
    let additions: ChangeAdditions?
    /// Their names, and those with what paths lead through.
    let names: [String], readNames: [String]
    /// Whether records may be locks that don't say when they were taken.
    let looksAtLocks: Bool
    /// Whether a hash is read with all of its fields, which is needed to see whether it changed.
    let readsWholeHash: Bool
    /// The fields that may hold anything, and those that may be paths into a field which holds JSON.
    let loose: [String], paths: [String]
    /// The words for how long a record's key stays, each with the time that it is counted back from.
    let spans: [(name: String, span: Duration)]
    /// Whether records' ages count from when they were first seen.
    let seesFirst: Bool
    /// The policy, if its verdicts are made elsewhere.
    let foreign: (any ForeignPolicy)?

    init(redis: RedisClient, cleanup: Cleanup, keys: Keys) {
        self.redis = redis
        self.cleanup = cleanup
        self.keys = keys
        foreign = cleanup.policy as? any ForeignPolicy
        additions = cleanup.additions.isEmpty ? nil : cleanup.additions
        let manner = cleanup.policy.manner
        // JSON locks say when they were taken, as any other record.
        looksAtLocks = manner.takesText && cleanup.format == .hash && cleanup.source?.isRegistry != true
        loose = cleanup.looseFields
        let paths = cleanup.paths
        self.paths = paths
        let all = cleanup.policy.fields + cleanup.additions.fields
        spans = unique(all.map(Self.word)).compactMap { word in Self.span(word).map { ("<\(word)>", $0) } }
        seesFirst = all.contains("<seen>")
        readsWholeHash = looksAtLocks && manner.readsWholeHash
        let names = readsWholeHash ? [] : cleanup.fields
        self.names = names
        // What a path leads through is read as well.
        let read = names + unique(paths.map { Record.root(of: $0) }).filter { !names.contains($0) }
        readNames = read
        guard let first = read.first else {
            fields = nil
            return
        }
        fields = RedisCommand(first, Array(read.dropFirst()))
    }

    private static func word(_ name: String) -> String {
        name.hasPrefix("<") && name.hasSuffix(">") ? String(name.dropFirst().dropLast()) : ""
    }

    /// `ttl:610s`: the time that is counted back from.
    private static func span(_ word: String) -> Duration? {
        word.hasPrefix("ttl:") ? Duration(text: String(word.dropFirst(4))) : nil
    }

    /// A record as read, or what is wrong with it.
    typealias Read = Result<Record, RecordError>

    /// The command that reads one record.
    ///
    /// Locks without a time of their own are plain strings, and JSON is read whole.
    func command(for key: String) -> RedisCommand {
        guard let fields, cleanup.format == .hash else { return Self.text(at: key) }
        var command = RedisCommand(reading: "HMGET", capacity: key.utf8.count + 32 + fields.count * 32)
        command.replySize = .record
        command.append(key)
        command.append(wordsOf: fields)
        return command
    }

    /// Whether a record is some fields of a hash, and nothing else.
    var isReadByFields: Bool { fields != nil && cleanup.format == .hash }

    /// The command that reads a text, as much as is read of a record.
    static func text(at key: String) -> RedisCommand {
        var command = RedisCommand(reading: "GET", capacity: key.utf8.count + 32)
        command.append(key)
        command.replySize = .record
        return command
    }

    /// The commands that read records: one each, after what has to be known of locks before they are read.
    func commands(for entries: [Evaluator.Keyed]) -> [RedisCommand] {
        (looksAtLocks ? lockCommands(for: entries.map(\.key)) : []) + plainCommands(for: entries)
    }

    /// The commands that read records, one each.
    func plainCommands(for entries: [Evaluator.Keyed]) -> [RedisCommand] {
        guard registry != nil else { return entries.map { command(for: $0.key) } }
        return entries.map { placedCommand($0.entry, $0.key) ?? command(for: $0.key) }
    }

    /// The key of a record.
    func key(of id: String) throws(RecordError) -> String {
        // With several gaps, and in registries, entries are more than ids.
        guard let source = cleanup.source else { return try cleanup.records.expand(id: id) { _ in nil } }
        return source.isRegistry ? RecordSource.parts(of: id)?.registry ?? id : id
    }

    /// An entry of the index with the key of its record.
    func keyed(_ entry: DueEntry) throws(RecordError) -> Evaluator.Keyed {
        guard let source = cleanup.source else { return (entry, try key(of: entry.id)) }
        var entry = entry
        if !source.isRegistry {
            if entry.place == nil { entry.place = source.placed(key: entry.id) }
            return (entry, entry.id)
        }
        if let key = entry.key { return (entry, key) }
        guard let seat = entry.place?.seat else { return (entry, try key(of: entry.id)) }
        return (entry, try source.placed(seat, more: entry.place?.facts ?? [:]).key)
    }

    /// Makes records of the replies to ``commands(for:)``, or to ``command(for:)`` for each.
    ///
    /// Those that were too large together are read again, unless it is said that there is no other way.
    func records(
        _ entries: [(entry: DueEntry, key: String)], replies: [RedisValue], isLast: Bool = false
    ) async throws -> [Read] {
        var reads = finished(try await anyRecords(entries, replies: replies), entries)
        guard !isLast else { return reads }
        let first = replies.count - entries.count
        let large = entries.indices.filter { replies[first + $0].isTooLarge }
        if !large.isEmpty { try await readLarge(large, entries, known: Array(replies[..<first]), &reads) }
        return reads
    }

    private func anyRecords(_ entries: [Evaluator.Keyed], replies: [RedisValue]) async throws -> [Read] {
        if let source = registry {
            guard case .key = source.body else { return try placedRecords(entries, replies: replies) }
        }
        guard cleanup.format == .hash else { return try await documents(entries, replies: replies) }
        guard looksAtLocks else { return try await hashes(entries, replies: replies) }
        let reads = try await hashes(entries, replies: replies.suffix(entries.count))
        let known = replies.dropLast(entries.count)
        return known.isEmpty ? reads : withLockAnswers(reads, Array(known))
    }

    /// Makes records of the replies; what is no hash, or empty, is looked at more closely.
    private func hashes(
        _ entries: [(entry: DueEntry, key: String)], replies: some Sequence<RedisValue>
    ) async throws -> [Read] {
        var reads: [Read] = []
        reads.reserveCapacity(entries.count)
        var unclear: [Int] = []
        for (place, reply) in replies.enumerated() {
            let (entry, key) = entries[place]
            var record = Record(id: entry.id, key: key, content: .missing)
            switch reply.kind {
            case .array:
                var isEmpty = true
                let fields = Fields(names: readNames) { number in
                    let value = reply[number].string
                    if value != nil { isEmpty = false }
                    return value
                }
                if isEmpty { unclear.append(place) }
                record.content = .hash(fields)
            case .string:
                record.content = .text(reply.string ?? "")
            case .null:
                record.content = .missing
            case .error, .integer:
                let error = reply.error ?? RedisServerError(message: "unexpected reply")
                guard error.code == "WRONGTYPE" else {
                    reads.append(.failure(try Self.trouble(error, key)))
                    continue
                }
                unclear.append(place)
            }
            reads.append(.success(record))
        }
        return try await closer(unclear, entries, reads)
    }

    /// Looks more closely at what may be no hash.
    private func closer(
        _ unclear: [Int], _ entries: [(entry: DueEntry, key: String)], _ found: [Read]
    ) async throws -> [Read] {
        var reads = found
        guard !unclear.isEmpty else { return reads }
        let types = try await redis.pipeline(unclear.map { RedisCommand("TYPE", [entries[$0].key]) })
        var texts: [Int] = []
        var hashes: [Int] = []
        for (place, type) in zip(unclear, types) {
            switch (type.string, names.isEmpty) {
            case ("none", _): reads[place] = reads[place].map { $0.with(.missing) }
            case ("hash", true) where readsWholeHash: hashes.append(place)
            case ("hash", true): reads[place] = reads[place].map { $0.with(.hash(Fields(names: [], values: []))) }
            case ("hash", false): break
            case ("string", _): texts.append(place)
            case (let other, _):
                reads[place] = .failure(
                    RecordError("\(entries[place].key) is a \(other ?? "thing of unknown type"): expected a hash"))
            }
        }
        if !hashes.isEmpty { try await readWhole(hashes, entries, &reads) }
        guard !texts.isEmpty else { return reads }
        let values = try await redis.pipelineInPieces(texts.map { Self.text(at: entries[$0].key) })
        for (place, value) in zip(texts, values) {
            if let error = value.error {
                reads[place] = .failure(try Self.trouble(error, entries[place].key))
                continue
            }
            reads[place] = reads[place].map { $0.with(value.string.map(Record.Content.text) ?? .missing) }
        }
        return reads
    }

}

extension Record {
    /// The same record with other content.
    func with(_ content: Content) -> Record {
        var record = self
        record.content = content
        return record
    }
}

extension RedisServerError {
    /// Whether it is this one key that the user may not use, and not the command.
    var isForbiddenKey: Bool { code == "NOPERM" && message.contains("access") && message.contains("key") }
}
