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
    /// Their names.
    let names: [String]
    /// Whether records may be locks that don't say when they were taken.
    let looksAtLocks: Bool
    /// Whether a hash is read with all of its fields, which is needed to see whether it changed.
    let readsWholeHash: Bool

    init(redis: RedisClient, cleanup: Cleanup, keys: Keys) {
        self.redis = redis
        self.cleanup = cleanup
        self.keys = keys
        additions = cleanup.additions.isEmpty ? nil : cleanup.additions
        let manner = cleanup.policy.manner
        // JSON locks say when they were taken, as any other record.
        looksAtLocks = manner.takesText && cleanup.format == .hash
        readsWholeHash = looksAtLocks && manner.readsWholeHash
        let names = readsWholeHash ? [] : cleanup.fields
        self.names = names
        guard let first = names.first else {
            fields = nil
            return
        }
        fields = RedisCommand(first, Array(names.dropFirst()))
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
    func commands(for keys: [String]) -> [RedisCommand] {
        (looksAtLocks ? lockCommands(for: keys) : []) + keys.map(command)
    }

    /// The key of a record.
    func key(of id: String) throws(RecordError) -> String {
        try cleanup.records.expand(id: id) { _ in nil }
    }

    /// Makes records of the replies to ``commands(for:)``, or to ``command(for:)`` for each.
    ///
    /// Those that were too large together are read again, unless it is said that there is no other way.
    func records(
        _ entries: [(entry: DueEntry, key: String)], replies: [RedisValue], isLast: Bool = false
    ) async throws -> [Read] {
        var reads = try await anyRecords(entries, replies: replies)
        guard !isLast else { return reads }
        let first = replies.count - entries.count
        let large = entries.indices.filter { replies[first + $0].isTooLarge }
        if !large.isEmpty { try await readLarge(large, entries, known: Array(replies[..<first]), &reads) }
        return reads
    }

    private func anyRecords(_ entries: [(entry: DueEntry, key: String)], replies: [RedisValue]) async throws -> [Read] {
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
                let fields = Fields(names: names) { number in
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
