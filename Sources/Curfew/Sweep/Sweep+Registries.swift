internal import Logging
internal import Policies
internal import RedisClient

/// Sweeps over records that stand in registries: the walk is where their entries come from.
extension Sweep {
    /// The source, if records stand in registries.
    var registrySource: RecordSource? { cleanup.source.flatMap { $0.isRegistry ? $0 : nil } }

    /// Begins the walk where an earlier run was cut short, if one was, with the first page of members.
    func beginWalk(_ state: inout State, _ source: RecordSource) async throws {
        let now = now
        let horizon = state.horizon
        var walk = try await retrying {
            let list = RegistryList(redis: store.redis, cleanup: cleanup, source: source, keys: store.keys)
            let keys = try await list.all(found: registries)
            let start = keys.count > 1 ? try await store.redis.send(RedisCommand("GET", [walkKey])).string : nil
            return try await RegistryWalk(
                keys, from: start, of: cleanup, source, index: index, horizon: horizon, now: now,
                remembers: cleanup.notesFirstSeen, store.redis)
        }
        while state.queue.isEmpty, let command = walk.command() {
            let reply = try await retrying { try await store.redis.pipeline([command])[0] }
            state.queue += try await walk.take(reply)
        }
        state.walk = walk
        state.outcome.due = state.queue.count
        try await checkBodies(state.queue, source)
    }

    private var walkKey: String { store.keys.walk(cleanup.name) }

    /// Takes in a page of members.
    func takeWalked(_ reply: RedisValue, _ state: inout State) async throws {
        guard let found = try await state.walk?.take(reply) else { return }
        state.queue += found
        state.outcome.due += found.count
    }

    /// Refuses the run where no record is found for any member of the first page: the template is wrong, and members without
    /// a record would all be taken out of their registry.
    private func checkBodies(_ entries: [DueEntry], _ source: RecordSource) async throws {
        guard cleanup.missing == .refuse, cleanup.removesRecords, !options.mayAllBeMissing, source.body != .member
        else { return }
        let sample = entries.prefix(IndexCheck.sample).filter { $0.place != nil }
        guard !sample.isEmpty else { return }
        let judge = judge
        let commands = try sample.map { entry in
            let keyed = try judge.reader.keyed(entry)
            if case .field(let field)? = entry.place?.body { return RedisCommand("HEXISTS", [keyed.key, field]) }
            return RedisCommand("EXISTS", [keyed.key])
        }
        let replies = try await retrying { try await store.redis.pipeline(commands) }
        guard !replies.contains(where: { $0.error != nil || $0.integer == 1 }) else { return }
        throw RunGuard.Refusal(
            count: sample.count, tracked: sample.count, isMissing: true,
            message: "no record under \(cleanup.records) for any of \(sample.count) members of "
                + "\(source.templates.map(\.text).joined(separator: ", ")); if all of them may be gone, say missing: drop"
        )
    }

    /// Ends a walk: entries of Curfew's own index that are still due are those of members that have left their registry,
    /// where the walk was whole; where it wasn't, the next one goes on there.
    func endWalk(_ state: inout State) async throws {
        guard let walk = state.walk else { return }
        for (key, why) in walk.troubles { state.outcome.counters.failed(key, why.message, isRecord: false) }
        if walk.isExhausted, !state.isFull { try await dismissConsumers(walk.streams, &state.outcome.counters) }
        guard claim != nil else { return }
        let isWhole = walk.isExhausted && !state.isFull
        var commands: [RedisCommand] = []
        if let position = walk.position, !isWhole {
            commands.append(RedisCommand.repeatable("SET", [walkKey, position, "EX", "86400"]))
        }
        if isWhole, cleanup.isIndexed, options.timeout == nil {
            commands.append(
                RedisCommand.repeatable("ZREMRANGEBYSCORE", [index, "-inf", String(state.horizon.milliseconds)]))
        }
        if isWhole, let present = walk.present { try await forgetSeen(but: present) }
        guard !commands.isEmpty else { return }
        let sent = commands
        for reply in try await retrying({ try await store.redis.pipeline(sent) }) {
            if let error = reply.error { throw CurfewError(error, "ending a walk over registries") }
        }
    }

    /// Forgets when members were first seen that don't stand anywhere any more: one that comes back is another one.
    private func forgetSeen(but present: Set<String>) async throws {
        let key = store.keys.seen(cleanup.name)
        var cursor = "0"
        repeat {
            try control.checkpoint()
            let step = RedisCommand("HSCAN", [key, cursor, "COUNT", "500"])
            let reply = try await retrying { try await store.redis.send(step) }
            if let error = reply.error { throw CurfewError(error, "reading \(key)") }
            cursor = reply[0].string ?? "0"
            let gone = reply[1].fields().compactMap(\.name.string).filter { !present.contains($0) }
            guard !gone.isEmpty else { continue }
            let forgetting = [
                RedisCommand.repeatable("HDEL", [key] + gone), RedisCommand.repeatable("ZREM", [index] + gone),
            ]
            for reply in try await retrying({ try await store.redis.pipeline(forgetting) }) {
                if let error = reply.error { throw CurfewError(error, "forgetting members that have left") }
            }
        } while cursor != "0"
    }

    /// Removes consumers of the group that have been idle for long and have nothing pending.
    ///
    /// Each with an event, unless it has taken something up meanwhile. One that comes back is made anew by itself, so there is
    /// nothing to be undone.
    private func dismissConsumers(_ streams: [String], _ counters: inout RunCounters) async throws {
        guard let source = registrySource, let group = source.group, let idle = source.idleConsumers else { return }
        for stream in streams {
            let found = try await retrying {
                try await store.redis.send(RedisCommand("XINFO", ["CONSUMERS", stream, group]))
            }
            for consumer in found.elements {
                let facts = Dictionary(consumer.fields().map { ($0.name.string ?? "", $0.value) }) { first, _ in first }
                guard let name = facts["name"]?.string, facts["pending"]?.integer == 0,
                    let time = facts["idle"]?.integer, time >= idle.milliseconds
                else { continue }
                try await dismiss(name, idleFor: .milliseconds(time), of: stream, group, &counters)
            }
        }
    }

    private func dismiss(
        _ name: String, idleFor time: Duration, of stream: String, _ group: String, _ counters: inout RunCounters
    ) async throws {
        let idle = registrySource?.idleConsumers ?? .zero
        let reason = "idle for \(time.roughText) with nothing pending, timeout \(idle.text)"
        let change = Change(
            action: .release, from: "", to: "", reason: reason, age: time, timeout: idle,
            guards: [.keyPresent(stream)], effects: [])
        guard let claim else { return counters.changed(name, change, isDryRun: true) }
        var event = Event()
        (event.run, event.cleanup, event.record, event.key) = (claim.run, cleanup.name, name, stream)
        (event.action, event.reason) = (change.action.rawValue, reason)
        event.time = String(clock.now.milliseconds)
        var plain = PlainChange(member: "")
        plain.checks = [
            PlainChange.Check(
                check: .idleConsumer, key: stream, field: group, value: "\(idle.milliseconds) \(name)",
                complaint: "it has taken something up")
        ]
        plain.write("DISMISS", .own(stream), [.value(group), .value(name)])
        if !store.redis.isCluster { plain.add(event, to: services.journal) }
        var call = store.redis.isCluster ? CommitCall(lease: nil, index: "", shared: []) : scope.makeCall()
        var known = PlainChange.Known()
        plain.append(to: &call, &known)
        let command = store.redis.isCluster ? call.nodeCommand(isAlone: true) : call.command()
        let reply = try await retrying { try await store.functions.call(command) }
        switch try call.outcomes(of: reply).first {
        case .made?: counters.changed(name, change, isDryRun: false)
        case .refused(let why)?: counters.failed(name, why)
        case .moved?, nil: counters.moved()
        }
    }

    /// How many members there are: all of them may be due, as far as anybody can tell without looking.
    func countMembers(_ source: RecordSource) async throws -> Int {
        let list = RegistryList(redis: store.redis, cleanup: cleanup, source: source, keys: store.keys)
        let keys = try await list.all(found: registries)
        let types = try await store.redis.pipeline(keys.map { RedisCommand("TYPE", [$0]) })
        let sizes = ["list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN"]
        let commands = zip(keys, types).compactMap { key, type in
            sizes[type.string ?? ""].map { RedisCommand($0, [key]) }
        }
        return try await store.redis.pipeline(commands).reduce(0) { $0 + Int($1.integer ?? 0) }
    }
}
