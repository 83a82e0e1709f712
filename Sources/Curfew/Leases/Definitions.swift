internal import Logging
internal import Policies
internal import RedisClient

/// The names of cleanups and what they stand for, between the configurations that share a prefix.
///
/// An instance looks when it begins with a configuration, before its first tick under it; and with each heartbeat as long
/// as something is refused to it or waits, or the clock of Redis has lately stepped. What it finds it settles there and then:
///
///     noted before         an instance lives that goes by it     what becomes of it
///     nothing              –                                     this one is noted
///     the same             –                                     this configuration is noted beside the others
///     the same, at other   no, or only by older configurations   this one is noted, and the cleanup scheduled anew
///     times
///     the same, at other   yes, and its configuration has        it stays as it is until that instance is gone: this is
///     times                replaced this one before              an old one that has begun again in a rolling update
///     another              no, or it is this one                 this one is noted, and the cleanup scheduled anew
///     another              yes                                   refused: this instance doesn't run the cleanup
///
/// A rolling update that changes what a name stands for is therefore through when the last of the old instances is gone.
struct Definitions: Sendable {
    /// The most instances that are looked at: those that lived last.
    static let mostInstances = 200

    private let store: Store
    private let configuration: Configuration
    private let instance: String

    init(_ coordinator: Coordinator) {
        store = coordinator.store
        (configuration, instance) = (coordinator.configuration, coordinator.instance.id)
    }

    private var redis: RedisClient { store.redis }
    private var keys: Keys { store.keys }

    /// One name that stands for something else as long as others live.
    struct Conflict: Error, Sendable, CustomStringConvertible {
        let cleanup: String
        /// What is noted, and what this configuration means.
        let noted: Definition, own: Definition
        /// The living instances that go by what is noted.
        let instances: [String]

        var description: String {
            "\(cleanup) stands for other records on \(instances.joined(separator: ", ")) (\(noted.words)) than in this "
                + "configuration (\(own.words)): it is not run from here; expected one prefix for each environment, or "
                + "another name"
        }
    }

    /// A cleanup beside what is noted of it.
    private struct Found {
        let cleanup: Cleanup
        let text: String?
        let noted: Definition?
        let own: Definition
        /// When it is due, or its lease ends; as the server wrote it, too.
        let due: Timestamp?
        let dueText: String

        var isForeign: Bool { noted.map { !$0.means(theSameAs: own) } ?? false }

        /// The configurations that have replaced this one's schedule by another; nil where none has.
        var newer: [String]? {
            guard cleanup.isEnabled, let noted, !isForeign, !noted.runs(asOftenAs: own) else { return nil }
            return noted.configs(after: own.configs)
        }
    }

    /// What is refused to this configuration now, by the names of the cleanups; nothing is written.
    func conflicts() async throws -> [String: Conflict] {
        try await conflicts(among: try await find(now: Timestamp(milliseconds: 0)))
    }

    /// The same for one cleanup, of which is known what is noted.
    func conflict(over cleanup: Cleanup, noted: Definition?) async throws -> Conflict? {
        let own = own(cleanup, now: Timestamp(milliseconds: 0))
        guard let noted, !noted.means(theSameAs: own) else { return nil }
        return conflict(cleanup, noted: noted, own: own, among: try await living())
    }

    /// What was settled.
    struct Settlement: Sendable {
        /// What is refused, by the names of the cleanups.
        var refused: [String: Conflict] = [:]
        /// The cleanups that go by the schedule of a newer configuration, as long as somebody has it.
        var waiting: Set<String> = []
    }

    /// Settles what every cleanup of this configuration stands for and when it is due.
    func settle(now: Timestamp) async throws -> Settlement {
        let found = try await find(now: now)
        var settlement = Settlement(refused: try await conflicts(among: found))
        var living: [(id: String, config: String)]?
        for one in found where settlement.refused[one.cleanup.name] == nil {
            if let newer = one.newer {
                if living == nil { living = try await self.living() }
                if living?.contains(where: { newer.contains($0.config) }) == true {
                    settlement.waiting.insert(one.cleanup.name)
                    continue
                }
            }
            try await settle(one, now: now)
        }
        return settlement
    }

    /// Goes by another schedule that was noted while a run was under way, which has ended and set a due time by its own.
    ///
    /// - Parameter due: when the cleanup is due by the end of the run.
    func follow(_ text: String, after claim: Claim, due: Timestamp) async {
        let (name, before) = (claim.cleanup, claim.memory.definition)
        guard let cleanup = configuration.cleanup(named: name), let noted = Definition(text: text),
            noted.means(theSameAs: own(cleanup, now: due)), let schedule = noted.schedule
        else { return }
        // A run that somebody asked for leaves the due time as it was, whatever its own schedule.
        let isKept = due == claim.due
        let former = isKept ? before?.schedule ?? cleanup.schedule : cleanup.schedule
        guard former != schedule else { return }
        do {
            let now = try await store.serverClock().now
            var change = PlainChange(member: name)
            change.checks = [
                .init(check: .equals, key: keys.definitions, field: name, value: text, complaint: ""),
                .init(check: .missing, key: keys.lease(name), complaint: ""),
            ]
            let anew = schedule.anew(after: former, due: due, now: now)
            change.write("ZADD", .own(keys.schedule), [.value(String(anew.milliseconds)), .value(name)])
            _ = try await store.functions.note(change, keys)
        } catch {
            store.logger.warning("a cleanup could not be scheduled anew", metadata: ["error": "\(error)"])
        }
    }

    private func find(now: Timestamp) async throws -> [Found] {
        let cleanups = configuration.cleanups
        guard !cleanups.isEmpty else { return [] }
        let names = cleanups.map(\.name)
        let texts = try await redis.read("HMGET", keys.definitions, names)
        let scores = try await redis.read("ZMSCORE", keys.schedule, names)
        return cleanups.enumerated().map { number, cleanup in
            let text = texts[number].string
            return Found(
                cleanup: cleanup, text: text, noted: text.flatMap(Definition.init(text:)),
                own: own(cleanup, now: now),
                due: scores[number].string.flatMap(Double.init).map { Timestamp(score: $0) },
                dueText: scores[number].string ?? "")
        }
    }

    private func own(_ cleanup: Cleanup, now: Timestamp) -> Definition {
        Definition(cleanup, config: configuration.fingerprint, by: instance, at: now)
    }

    private func conflicts(among found: [Found]) async throws -> [String: Conflict] {
        let foreign = found.filter { $0.isForeign && $0.cleanup.isEnabled }
        guard !foreign.isEmpty else { return [:] }
        let living = try await living()
        var conflicts: [String: Conflict] = [:]
        for one in foreign {
            guard let noted = one.noted else { continue }
            conflicts[one.cleanup.name] = conflict(one.cleanup, noted: noted, own: one.own, among: living)
        }
        return conflicts
    }

    private func conflict(
        _ cleanup: Cleanup, noted: Definition, own: Definition, among living: [(id: String, config: String)]
    ) -> Conflict? {
        let owners = living.filter { noted.isOf(config: $0.config) }.map(\.id)
        return owners.isEmpty
            ? nil : Conflict(cleanup: cleanup.name, noted: noted, own: own, instances: owners.sorted())
    }

    /// The other living instances with the configurations that they go by.
    private func living() async throws -> [(id: String, config: String)] {
        let seen = try await redis.send(
            RedisCommand("ZREVRANGE", [keys.instances, "0", String(Self.mostInstances - 1)]))
        let ids = seen.elements.compactMap(\.string).filter { $0 != instance }
        guard !ids.isEmpty else { return [] }
        let replies = try await redis.pipeline(
            ids.map { RedisCommand("HGET", [keys.instance($0), "config"]) })
        return zip(ids, replies).compactMap { id, reply in reply.string.map { (id, $0) } }
    }

    private func settle(_ found: Found, now: Timestamp) async throws {
        guard let (definition, due) = step(found, now: now) else { return }
        let name = found.cleanup.name
        if try await note(found, definition, due: due) {
            if let noted = found.noted, !noted.means(theSameAs: found.own) || !noted.runs(asOftenAs: found.own) {
                store.logger.notice(
                    "a cleanup is defined anew",
                    metadata: [
                        "cleanup": "\(name)", "before": "\(noted.words)", "now": "\(definition.words)",
                        "schedule": "\(found.cleanup.schedule)", "due": "\(due?.iso8601 ?? "as it was")",
                    ])
            }
        } else if due != nil {
            // A run is under way: its end goes by what is noted. Or another instance was faster.
            _ = try await note(found, definition, due: nil)
        }
    }

    /// What is to be noted, and when the cleanup is due now; nil where all is as it should be.
    private func step(_ found: Found, now: Timestamp) -> (Definition, due: Timestamp?)? {
        let own = found.own
        guard let noted = found.noted else {
            guard found.cleanup.isEnabled || found.text != nil else { return nil }
            return (own, bounded(found, now: now))
        }
        let isSame = noted.means(theSameAs: own)
        guard found.cleanup.isEnabled else {
            return isSame && !noted.isOff ? (own.joined(with: noted), nil) : nil
        }
        let definition = isSame ? own.joined(with: noted) : own
        var due: Timestamp?
        if let score = found.due {
            if noted.isOff, score <= now {
                // Nobody waited for it while it was switched off.
                due = now
            } else if !noted.runs(asOftenAs: own) {
                due = found.cleanup.schedule.anew(after: noted.schedule, due: score, now: now)
            } else {
                due = bounded(found, now: now)
            }
        }
        let isNew = !isSame || noted.isOff || !noted.runs(asOftenAs: own) || !noted.isOf(config: own.configs)
        return isNew || due != nil ? (definition, due) : nil
    }

    /// The latest time at which it can be due, where it is due later than that.
    private func bounded(_ found: Found, now: Timestamp) -> Timestamp? {
        // The time was read before the schedule was: in between the cleanup may have run.
        let latest = found.cleanup.schedule.latest(from: now + ClockStep.most)
        guard found.cleanup.isEnabled, let due = found.due, due > latest else { return nil }
        return latest
    }

    /// Writes it where what was read is still so and, with a due time, nobody runs the cleanup.
    private func note(_ found: Found, _ definition: Definition, due: Timestamp?) async throws -> Bool {
        let name = found.cleanup.name
        var change = PlainChange(member: name)
        if let text = found.text {
            change.checks.append(
                .init(check: .equals, key: keys.definitions, field: name, value: text, complaint: ""))
        } else {
            change.checks.append(.init(check: .absent, key: keys.definitions, field: name, complaint: ""))
        }
        if due != nil {
            change.checks.append(.init(check: .missing, key: keys.lease(name), complaint: ""))
            // What was read may have been the end of a lease, whose run is over by now.
            if found.due != nil {
                change.checks.append(
                    .init(check: .score, key: keys.schedule, field: name, value: found.dueText, complaint: ""))
            }
        }
        change.write("HSET", .own(keys.definitions), [.value(name), .value(definition.text)])
        if let due {
            change.write("ZADD", .own(keys.schedule), [.value(String(due.milliseconds)), .value(name)])
        }
        // Nobody waited for what it owes while it was switched off.
        if found.noted?.isOff == true, found.cleanup.isEnabled { change.write("HDEL", .own(keys.owed), [.value(name)]) }
        return try await store.functions.note(change, keys) == .made
    }
}

extension FunctionLibrary {
    /// Writes something of Curfew's own, also where Redis has no memory left; under a lease, where it is of a run.
    func note(
        _ change: PlainChange, _ keys: Keys, under claim: Claim? = nil
    ) async throws(CurfewError) -> CommitCall.Outcome {
        let lease = claim.map { (key: keys.lease($0.cleanup), term: $0.term) }
        var note = CommitCall(lease: lease, index: keys.schedule, shared: [keys.schedule, keys.events])
        var known = PlainChange.Known()
        change.append(to: &note, &known)
        let outcome = try note.outcomes(of: try await call(note.note())).first ?? .made
        if case .refused(let why) = outcome { throw CurfewError(.server, why) }
        return outcome
    }
}
