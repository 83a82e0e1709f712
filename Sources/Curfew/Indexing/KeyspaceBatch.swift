internal import Algorithms
internal import Logging
internal import Policies
internal import RedisClient

/// The commands of a scan: one short pipeline after the other, with a rest after each.
struct KeyspaceBatch {
    /// Due records are entered with a slightly earlier time: the clocks of a scan and of the following sweep differ by
    /// a round trip.
    private static let due: Duration = .seconds(1)

    let store: Store
    let cleanup: Cleanup
    private let names: RecordNames
    private(set) var pace = ScanPace()

    init(store: Store, cleanup: Cleanup, names: RecordNames) {
        self.store = store
        self.cleanup = cleanup
        self.names = names
    }

    /// The result of one step.
    struct Step {
        /// The reply to the command that was sent along, if any.
        var save: RedisValue?
        /// The cursor of the next step.
        var next: String
        /// The ids of the records found.
        var ids: [String]
        /// The approximate number of keys walked.
        var walked: Int
    }

    private var index: String { cleanup.indexKey(store.keys) }

    /// Walks over some keys of a server.
    ///
    /// - Parameter save: a command that is sent first, without waiting for its reply.
    mutating func walk(
        _ node: RedisClient.Node, from cursor: String, after save: RedisCommand? = nil
    ) async throws -> Step {
        let count = pace.step
        var arguments = [cursor, "MATCH", cleanup.scanPattern, "COUNT", String(count)]
        if let type = cleanup.recordType { arguments += ["TYPE", type] }
        let saving = try save.map { try store.redis.begin([$0]) }
        // Behind the last keys there is nothing to rest for: whoever waits for a scan of few keys is answered sooner.
        let (replies, elapsed) = try await send([RedisCommand("SCAN", arguments)], to: node) { $0[0][0].string == "0" }
        // The command sent along takes additional time.
        if save == nil { pace.walked(count, took: elapsed) }
        let reply = replies[0]
        if let error = reply.error { throw failure("SCAN", error) }
        guard reply.count == 2, let next = reply[0].string else {
            throw CurfewError(.damaged, "unexpected reply to SCAN")
        }
        let keys = reply[1].elements
        return Step(
            save: try await saving?.replies()[0], next: next,
            ids: keys.compactMap(\.string).compactMap(names.id(of:)), walked: max(count, keys.count))
    }

    /// Enters the records that the index lacks and the policy wants to watch; returns their number.
    mutating func enter(_ ids: [String], at now: Timestamp) async throws -> Int {
        if cleanup.source?.isRegistry == true { return try await note(ids, at: now) }
        var lacking: [String] = []
        for piece in ids.chunks(ofCount: ScanPace.lookups) {
            let (replies, _) = try await send([RedisCommand("ZMSCORE", [index] + piece)])
            if let error = replies[0].error { throw failure("ZMSCORE \(index)", error) }
            lacking += zip(piece, replies[0].elements).filter { $0.1.isNull }.map(\.0)
        }
        var entries: [(id: String, deadline: Timestamp)] = []
        for piece in lacking.chunks(ofCount: ScanPace.reads) { entries += try await evaluated(piece, at: now) }
        var added = 0
        for piece in entries.chunks(ofCount: ScanPace.entries) {
            let words = piece.flatMap { [cleanup.indexUnit.score(of: $0.deadline), $0.id] }
            let (replies, _) = try await send([RedisCommand("ZADD", [index, "NX"] + words)])
            if let error = replies[0].error { throw failure("ZADD \(index)", error) }
            added += min(piece.count, Int(replies[0].integer ?? 0))
        }
        if added > 0, cleanup.index != nil {
            store.logger.notice(
                "adopted records that were missing from the index",
                metadata: [
                    "cleanup": "\(cleanup.name)", "count": .stringConvertible(added),
                    "records": "\(entries.prefix(10).map(\.id).joined(separator: ", "))",
                ])
        }
        return added
    }

    /// Notes registries, so that runs walk them.
    private mutating func note(_ registries: [String], at now: Timestamp) async throws -> Int {
        var added = 0
        for piece in registries.chunks(ofCount: ScanPace.entries) {
            let words = piece.flatMap { [String(now.milliseconds), $0] }
            let key = store.keys.registries(cleanup.name)
            let (replies, _) = try await send([RedisCommand("ZADD", [key] + words)])
            if let error = replies[0].error { throw failure("ZADD \(key)", error) }
            added += Int(replies[0].integer ?? 0)
        }
        return added
    }

    /// Forgets registries that weren't there for a day; one more is kept than a run walks, so that it knows of more.
    func forgetRegistries(at now: Timestamp) async throws {
        guard cleanup.source?.isRegistry == true else { return }
        let key = store.keys.registries(cleanup.name)
        let oldest = now - RegistryList.forgotten
        let most = RegistryWalk.mostRegistries
        let replies = try await store.redis.pipeline([
            RedisCommand.repeatable("ZREMRANGEBYSCORE", [key, "-inf", String(oldest.milliseconds)]),
            RedisCommand.repeatable("ZREMRANGEBYRANK", [key, "0", String(-2 - most)]),
        ])
        for error in replies.lazy.compactMap(\.error) { throw failure("ZREMRANGEBYSCORE \(key)", error) }
    }

    /// The deadlines of these records; records that need no watching are left out.
    private mutating func evaluated(
        _ ids: ArraySlice<String>, at now: Timestamp
    ) async throws -> [(id: String, deadline: Timestamp)] {
        let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
        let judge = Evaluator(reader: reader)
        let found = ids.map { DueEntry(id: $0, score: 0, scoreText: "0") }
        let keyed = try judge.keyed(found[...])
        let (replies, _) = try await send(judge.commands(for: keyed))
        let reads = try await reader.records(keyed, replies: replies)
        let timed = try await reader.timed(reads, at: now)
        let verdicts = try await judge.verdicts(on: timed, of: keyed, at: now)
        var deadlines: [(id: String, deadline: Timestamp)] = []
        for (place, id) in ids.enumerated() {
            guard let deadline = deadline(of: timed[place], verdicts?[place], reader, at: now) else { continue }
            deadlines.append((id, deadline))
        }
        return deadlines
    }

    /// The deadline of a record; nil if it needs no watching.
    ///
    /// A malformed record, or one whose policy needs further reads, is due at once and left to the sweep. An index of
    /// the application only gets active records: its content belongs to the application.
    ///
    /// - Parameter known: the verdict, where it isn't made here.
    private func deadline(
        of read: RecordReader.Read, _ known: Result<Verdict, RecordError>?, _ reader: RecordReader, at now: Timestamp
    ) -> Timestamp? {
        let isOwn = cleanup.index == nil
        let record: Record
        let verdict: Verdict
        do {
            record = try read.get()
            if case .leave(let leave)? = reader.firstSight(of: record, at: now) {
                return leave.until.map { min($0, now) - Self.due } ?? now - Self.due
            }
            verdict = try known?.get() ?? cleanup.policy.verdict(on: record, at: now)
        } catch {
            return isOwn ? now - Self.due : nil
        }
        if case .drop = verdict { return nil }
        if !isOwn {
            guard isActive(record) else { return nil }
            // Where records say themselves how long they may take, none of the configured times may be long enough, or short.
            if cleanup.policy.hasOwnTimeouts, case .leave(let leave) = verdict, let until = leave.until { return until }
            return now + cleanup.longestTimeout
        }
        guard case .leave(let leave) = verdict else { return now - Self.due }
        return leave.until ?? now - Self.due
    }

    private func isActive(_ record: Record) -> Bool {
        guard let states = cleanup.policy.activeStates else { return true }
        return states.contains(record[cleanup.statusField] ?? "")
    }

    /// Sends commands, waits for their replies, and rests.
    ///
    /// - Parameters:
    /// - node: the target; nil for the nodes of their keys.
    /// - isEnd: whether replies are the end, so that there is no rest.
    private mutating func send(
        _ commands: [RedisCommand], to node: RedisClient.Node? = nil,
        isEnd: ([RedisValue]) -> Bool = { _ in false }
    ) async throws -> ([RedisValue], Duration) {
        let redis = store.redis
        let pending = try node.map { try redis.begin(commands, on: $0) } ?? redis.begin(commands)
        let replies = try await pending.replies()
        let elapsed = pending.elapsed
        let rest = pace.rest(after: elapsed)
        if !isEnd(replies) { try await Task.sleep(for: rest) }
        return (replies, elapsed)
    }

    private func failure(_ command: String, _ error: RedisServerError) -> CurfewError {
        let address = store.redis.configuration.place
        return CurfewError(RedisError(.server, error.message, command: command, address: address, server: error))
    }
}
