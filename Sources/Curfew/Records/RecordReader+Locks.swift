internal import Policies
internal import RedisClient

/// What is to be known of locks beside their value.
extension RecordReader {
    /// The most fields that a lock kept as a hash may have.
    private static let mostLockFields: Int64 = 64

    /// What has to be asked before any of the locks is read, since reading a key ends its being idle; small numbers, which
    /// many locks hold, even share it.
    func lockCommands(for keys: [String]) -> [RedisCommand] {
        keys.map { RedisCommand("OBJECT", ["IDLETIME", $0]) } + keys.map { RedisCommand("PTTL", [$0]) }
    }

    /// Puts the replies to ``lockCommands(for:)`` in, as answers to what the policy would ask.
    func withLockAnswers(_ reads: [Read], _ replies: [RedisValue]) -> [Read] {
        reads.enumerated().map { place, read in
            read.map { record in
                var record = record
                record.answers[.idle] = Self.idle(replies[place], record.key)
                record.answers[.expiry] = Self.expiry(replies[reads.count + place], record.key)
                return record
            }
        }
    }

    /// A server that is told to forget what is used least often doesn't know how long a key was idle.
    static func idle(_ reply: RedisValue, _ key: String) -> Answer {
        guard let error = reply.error else { return .idle(seconds: reply.integer) }
        if error.message.contains("LFU") { return .idle(seconds: nil) }
        return .unreadable("how long \(key) was idle can't be told: \(error.message)")
    }

    static func expiry(_ reply: RedisValue, _ key: String) -> Answer {
        if let error = reply.error { return .unreadable("when \(key) expires can't be told: \(error.message)") }
        return .expiry(reply.integer.flatMap { $0 < 0 ? nil : .milliseconds($0) })
    }

    /// Reads hashes with all of their fields.
    func readWhole(
        _ places: [Int], _ entries: [(entry: DueEntry, key: String)], _ reads: inout [Read]
    ) async throws {
        let sizes = try await redis.pipeline(places.map { RedisCommand("HLEN", [entries[$0].key]) })
        let small = zip(places, sizes).filter { ($1.integer ?? 0) <= Self.mostLockFields }.map(\.0)
        for (place, size) in zip(places, sizes) where !small.contains(place) {
            let key = entries[place].key
            reads[place] = .failure(
                RecordError("\(key) has \(size.integer ?? 0) fields: expected a lock of at most \(Self.mostLockFields)")
            )
        }
        let replies = try await redis.pipelineInPieces(
            small.map { place in
                var command = RedisCommand("HGETALL", [entries[place].key])
                command.replySize = .record
                return command
            })
        for (place, reply) in zip(small, replies) {
            let key = entries[place].key
            if let error = reply.error {
                reads[place] = .failure(try Self.trouble(error, key))
                continue
            }
            let fields = reply.fields()
            let (names, values) = (fields.map { $0.name.string ?? "" }, fields.map(\.value.string))
            let content = names.isEmpty ? Record.Content.missing : .hash(Fields(names: names, values: values))
            reads[place] = reads[place].map { $0.with(content) }
        }
    }

    /// Remembers this look at locks that nobody else has touched since the one before: it ends their being idle, and must
    /// not be taken for somebody else's.
    ///
    /// Also where nothing else is written, as in a preview. Where it may not be written, the lock looks touched, which only
    /// makes it younger.
    func rememberLooks(_ looks: [(record: Record, value: String, sighting: Sighting)], at now: Timestamp) async throws {
        let words = looks.flatMap { look in
            [look.record.member, "\(now.milliseconds) \(Sighting.text(first: look.sighting.first, value: look.value))"]
        }
        guard !words.isEmpty else { return }
        _ = try await redis.pipeline([RedisCommand("HSET", [keys.seen(cleanup.name)] + words)])
    }
}
