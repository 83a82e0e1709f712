internal import Policies
internal import RedisClient

/// Reads records and answers what policies ask about them, each step in one pipeline.
struct RecordReader {
    /// The most members of a set that are read for one record; more is that record's error.
    static let mostMembers = 10_000

    let redis: RedisClient
    let cleanup: Cleanup
    let keys: Keys
    /// The fields that the policy wants, as words of a command.
    private let fields: RedisCommand?

    init(redis: RedisClient, cleanup: Cleanup, keys: Keys) {
        self.redis = redis
        self.cleanup = cleanup
        self.keys = keys
        let names = cleanup.policy.fields
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
        guard let fields, cleanup.format == .hash else { return RedisCommand("GET", [key]) }
        var command = RedisCommand(capacity: key.utf8.count + 32 + fields.count * 32)
        command.append("HMGET")
        command.append(key)
        command.append(wordsOf: fields)
        return command
    }

    /// The key of a record.
    func key(of id: String) throws(RecordError) -> String {
        try cleanup.records.expand(id: id) { _ in nil }
    }

    /// Makes records of the replies to ``command(for:)``; what is no hash, or empty, is looked at more closely.
    func records(_ entries: [(entry: DueEntry, key: String)], replies: [RedisValue]) async throws -> [Read] {
        guard cleanup.format == .hash else { return try await documents(entries, replies: replies) }
        let names = cleanup.policy.fields
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
                if let error = reply.error, error.isForbiddenKey {
                    reads.append(.failure(RecordError("\(key): \(error.message)")))
                    continue
                }
                guard reply.error?.code == "WRONGTYPE" else {
                    let unexpected = RedisServerError(message: "unexpected reply")
                    throw CurfewError(reply.error ?? unexpected, "reading \(key)")
                }
                unclear.append(place)
            }
            reads.append(.success(record))
        }
        guard !unclear.isEmpty else { return reads }
        let types = try await redis.pipeline(unclear.map { RedisCommand("TYPE", [entries[$0].key]) })
        var texts: [Int] = []
        for (place, type) in zip(unclear, types) {
            switch (type.string, names.isEmpty) {
            case ("none", _): reads[place] = reads[place].map { $0.with(.missing) }
            case ("hash", true): reads[place] = reads[place].map { $0.with(.hash(Fields(names: [], values: []))) }
            case ("hash", false): break
            case ("string", _): texts.append(place)
            case (let other, _):
                reads[place] = .failure(
                    RecordError("\(entries[place].key) is a \(other ?? "thing of unknown type"): expected a hash"))
            }
        }
        guard !texts.isEmpty else { return reads }
        let values = try await redis.pipeline(texts.map { RedisCommand("GET", [entries[$0].key]) })
        for (place, value) in zip(texts, values) {
            reads[place] = reads[place].map { $0.with(value.string.map(Record.Content.text) ?? .missing) }
        }
        return reads
    }

    /// Answers the questions of many records in as few round trips as they allow.
    func answers(_ questions: [(record: Record, question: Question)]) async throws -> [Answer] {
        let replies = try await redis.pipeline(
            questions.map { record, question in
                switch question {
                case .exists(let key): RedisCommand("EXISTS", [key])
                case .members(let set, _, _): RedisCommand("SCARD", [set])
                case .firstSeen: RedisCommand("HGET", [keys.seen(cleanup.name), record.id])
                case .recoveries: RedisCommand("GET", [keys.recoveries(cleanup.name, of: record.id)])
                case .count(let key): RedisCommand("TYPE", [key])
                case .field(let key, let field): RedisCommand("HGET", [key, field])
                }
            })
        var answers: [Answer] = []
        var fieldless: [(place: Int, key: String)] = []
        var counted: [(place: Int, key: String, type: String)] = []
        for ((record, question), reply) in zip(questions, replies) {
            if let error = reply.error, error.code != "WRONGTYPE" {
                throw CurfewError(error, "reading what \(record.key) needs")
            }
            switch question {
            case .exists: answers.append(.exists(reply.integer == 1))
            case .count(let key):
                counted.append((answers.count, key, reply.string ?? ""))
                answers.append(.count(0))
            case .recoveries:
                let key = keys.recoveries(cleanup.name, of: record.id)
                answers.append(reply.error == nil ? .text(reply.string) : .unreadable("\(key) is not a string"))
            case .field(let key, _):
                if reply.isNull { fieldless.append((answers.count, key)) }
                // No hash: it has no such field, and must not be taken for missing either.
                answers.append(
                    reply.error == nil
                        ? .field(exists: true, value: reply.string) : .unreadable("\(key) is not a hash"))
            case .firstSeen(let value): answers.append(.firstSeen(Self.firstSeen(reply.string, value: value)))
            case .members(let set, let template, let field):
                let count = reply.integer ?? 0
                guard count <= Self.mostMembers else {
                    answers.append(.tooMany(limit: Self.mostMembers))
                    continue
                }
                answers.append(.statuses(try await statuses(in: set, template: template, field: field)))
            }
        }
        if !counted.isEmpty { try await count(counted, into: &answers) }
        guard !fieldless.isEmpty else { return answers }
        let present = try await redis.pipeline(fieldless.map { RedisCommand("EXISTS", [$0.key]) })
        for ((place, _), reply) in zip(fieldless, present) {
            answers[place] = .field(exists: reply.integer == 1, value: nil)
        }
        return answers
    }

    /// What is remembered is the time and the value, with a space between.
    ///
    /// Another value is another lock.
    private static func firstSeen(_ text: String?, value: String) -> Timestamp? {
        guard let text, let space = text.firstIndex(of: " "), text[text.index(after: space)...] == value else {
            return nil
        }
        return Int64(text[..<space]).map(Timestamp.init(milliseconds:))
    }

    private func statuses(in set: String, template: KeyTemplate, field: String) async throws -> [String?] {
        let members = try await redis.send(RedisCommand("SMEMBERS", [set])).elements.compactMap(\.string)
        var statuses: [String?] = []
        statuses.reserveCapacity(members.count)
        // In pieces, so that one large group doesn't hold up everybody else's commands.
        for start in stride(from: 0, to: members.count, by: 256) {
            let piece = members[start..<min(start + 256, members.count)]
            var commands: [RedisCommand] = []
            for member in piece {
                commands.append(RedisCommand("HGET", [try template.expand(id: member) { _ in nil }, field]))
            }
            statuses += try await redis.pipeline(commands).map(\.string)
        }
        return statuses
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
