internal import Policies
internal import RedisClient

/// Answers to what policies ask beyond the record.
///
/// What is wrong with a related key is the error of the record that needs it, and says which key it is.
extension RecordReader {
    /// Answers the questions of many records in as few round trips as they allow.
    func answers(
        _ questions: [(record: Record, question: Question)], at now: Timestamp
    ) async throws -> [Answer] {
        let replies = try await redis.pipelineInPieces(
            questions.map { record, question in
                var command = command(for: question, about: record)
                command.replySize = .record
                return command
            })
        var answers: [Answer] = []
        var counted: [(place: Int, key: String, type: String)] = []
        var standing: [(place: Int, key: String, member: String, type: String)] = []
        var looks: [(record: Record, value: String, sighting: Sighting)] = []
        for ((record, question), reply) in zip(questions, replies) {
            if let error = reply.error { try Self.check(error, "reading what \(record.key) needs") }
            switch question {
            case .exists(let key):
                answers.append(reply.error.map { Self.unreadable(key, $0) } ?? .exists(reply.integer == 1))
            case .field(let key, let field): answers.append(try await fieldAnswer(key, field, reply))
            case .members(let group): answers.append(try await members(of: group, size: reply))
            case .count(let key):
                counted.append((answers.count, key, reply.string ?? ""))
                answers.append(reply.error.map { Self.unreadable(key, $0) } ?? .count(0))
            case .standing(let key, let member):
                if reply.error == nil { standing.append((answers.count, key, member, reply.string ?? "none")) }
                answers.append(reply.error.map { Self.unreadable(key, $0) } ?? .standing(nil))
            case .recoveries:
                let key = keys.recoveries(cleanup.name, of: record.name)
                answers.append(reply.error.map { Self.unreadable(key, $0) } ?? .text(reply.string))
            case .idle: answers.append(Self.idle(reply, record.key))
            case .expiry: answers.append(Self.expiry(reply, record.key))
            case .firstSeen(let value):
                if let error = reply.error {
                    answers.append(Self.unreadable(keys.seen(cleanup.name), error))
                    continue
                }
                let sighting = reply.string.flatMap { Sighting(remembered: $0, value: value) }
                answers.append(.firstSeen(sighting))
                if let sighting, case .idle(let seconds)? = record.answers[.idle],
                    !sighting.isTouched(idle: seconds, at: now)
                {
                    looks.append((record, value, sighting))
                }
            }
        }
        if !counted.isEmpty { try await count(counted.filter { !$0.type.isEmpty }, into: &answers) }
        if !standing.isEmpty { try await stand(standing, into: &answers, at: now) }
        try await rememberLooks(looks, at: now)
        return answers
    }

    private func command(for question: Question, about record: Record) -> RedisCommand {
        switch question {
        case .exists(let key): RedisCommand("EXISTS", [key])
        case .members(let group): Self.sizeCommand(for: group)
        case .firstSeen: RedisCommand("HGET", [keys.seen(cleanup.name), record.member])
        case .field(let key, let field): RedisCommand("HGET", [key, field])
        case .count(let key), .standing(let key, _): RedisCommand("TYPE", [key])
        case .recoveries: RedisCommand("GET", [keys.recoveries(cleanup.name, of: record.name)])
        case .idle: RedisCommand("OBJECT", ["IDLETIME", record.key])
        case .expiry: RedisCommand("PTTL", [record.key])
        }
    }

    /// A field of another hash; where it is absent, or the key is no hash, what there is instead is looked at.
    private func fieldAnswer(_ key: String, _ field: String, _ reply: RedisValue) async throws -> Answer {
        if let error = reply.error {
            guard error.code == "WRONGTYPE" else {
                return Self.unreadable(error.isTooLarge ? "\(key), field \(field)" : key, error)
            }
            // It has no such field, and must not be taken for missing either.
            return .unreadable("\(key) is \(try await kind(of: key)): expected a hash")
        }
        guard reply.isNull else {
            return .field(exists: true, value: reply.string)
        }
        let present = try await redis.pipeline([RedisCommand("EXISTS", [key])])[0]
        if let error = present.error { return Self.unreadable(key, error) }
        return .field(exists: present.integer == 1, value: nil)
    }

    /// What is at a key, in words: `a list`.
    func kind(of key: String) async throws -> String {
        Self.noun(try await redis.pipeline([RedisCommand("TYPE", [key])])[0])
    }

    static func noun(_ type: RedisValue) -> String {
        switch type.string {
        case "string"?: "a plain string"
        case "none"?: "gone"
        case let name?: "a \(name)"
        case nil: "a thing of unknown type"
        }
    }

    static func unreadable(_ key: String, _ error: RedisServerError) -> Answer {
        .unreadable(error.isTooLarge ? "\(key): \(error.words)" : "\(key) can't be read: \(error.message)")
    }

    /// Throws what is wrong with the server; what is wrong with one key is only the error of the record that needs it.
    private static func check(_ error: RedisServerError, _ doing: String) throws {
        if serverTroubles.contains(error.code) { throw CurfewError(error, doing) }
    }

    /// The error of the record that can't be read; throws what is wrong with the server.
    static func trouble(_ error: RedisServerError, _ key: String) throws -> RecordError {
        try check(error, "reading \(key)")
        if error.isTooLarge { return RecordError("\(key): \(error.words)") }
        return RecordError("\(key) can't be read: \(error.message)")
    }

    /// Codes of errors that say nothing about a key: any other command would meet them.
    private static let serverTroubles: Set<String> = [
        "LOADING", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "READONLY", "NOAUTH", "NOREPLICAS", "MISCONF",
        "OOM",
        "MOVED", "ASK", "UNBLOCKED", "DENIED",
    ]
}
