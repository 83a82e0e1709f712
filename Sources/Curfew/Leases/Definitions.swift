internal import Algorithms
internal import Logging
internal import Policies
internal import RedisClient

/// The names of cleanups and their meanings, across configurations with the same prefix.
///
/// An instance checks them when it starts with a configuration, before its first tick. It checks again with each
/// heartbeat as long as one of its cleanups is refused or waits, or the clock of Redis has recently stepped. It
/// resolves differences at once:
///
///     recorded before      a living instance uses it              result
///     nothing              –                                     this one is recorded
///     the same             –                                     this configuration is added to it
///     the same, at other   no, or only older configurations      this one is recorded, the cleanup rescheduled
///     times
///     the same, at other   yes, and its configuration has        unchanged until that instance is gone: this one is
///     times                replaced this one before              old, restarted during a rolling update
///     another              no, or only this one                  this one is recorded, the cleanup rescheduled
///     another              yes                                   refused: this instance doesn't run the cleanup
///
/// A rolling update that changes the meaning of a name is therefore complete when the last old instance has ended.
struct Definitions: Sendable {
    /// How many instances are checked: the most recent ones.
    static let mostInstances = 200
    /// How often it is read again what is left to do, because other instances do it at the same time.
    private static let mostReadings = 50

    private let store: Store
    private let configuration: Configuration
    private let instance: String

    init(_ coordinator: Coordinator) {
        store = coordinator.store
        (configuration, instance) = (coordinator.configuration, coordinator.instance.id)
    }

    private var redis: RedisClient { store.redis }
    private var keys: Keys { store.keys }

    /// A name that has another meaning as long as other instances are alive.
    struct Conflict: Error, Sendable, CustomStringConvertible {
        let cleanup: String
        /// The recorded definition, and that of this configuration.
        let noted: Definition, own: Definition
        /// The living instances that use the recorded one.
        let instances: [String]

        var description: String {
            "\(cleanup) means other records on \(instances.joined(separator: ", ")) (\(noted.words)) than in this "
                + "configuration (\(own.words)): this instance does not run it; expected a separate prefix "
                + "for each environment, or another name"
        }
    }

    /// A cleanup and its recorded definition.
    private struct Found {
        let cleanup: Cleanup
        let text: String?
        let noted: Definition?
        let own: Definition
        /// When it is due or its lease ends; also as the server wrote it.
        let due: Timestamp?
        let dueText: String

        var isForeign: Bool { noted.map { !$0.means(theSameAs: own) } ?? false }

        /// The configurations that have replaced the schedule of this one; nil if there are none.
        var newer: [String]? {
            guard cleanup.isEnabled, let noted, !isForeign, !noted.runs(asOftenAs: own) else { return nil }
            return noted.configs(after: own.configs)
        }
    }

    /// The cleanups that are refused to this configuration, by name, from what was read before.
    ///
    /// - Parameters:
    ///   - noted: the recorded definitions by cleanup.
    ///   - living: the living instances with their configurations.
    func conflicts(
        noted: [String: Definition], living: [(id: String, config: String)]
    ) -> [String: Conflict] {
        let others = living.filter { $0.id != instance }
        var conflicts: [String: Conflict] = [:]
        for cleanup in configuration.cleanups where cleanup.isEnabled {
            let own = own(cleanup, now: Timestamp(milliseconds: 0))
            guard let noted = noted[cleanup.name], !noted.means(theSameAs: own) else { continue }
            conflicts[cleanup.name] = conflict(cleanup, noted: noted, own: own, among: others)
        }
        return conflicts
    }

    /// The same for one cleanup whose recorded definition is known.
    func conflict(over cleanup: Cleanup, noted: Definition?) async throws -> Conflict? {
        let own = own(cleanup, now: Timestamp(milliseconds: 0))
        guard let noted, !noted.means(theSameAs: own) else { return nil }
        return conflict(cleanup, noted: noted, own: own, among: try await living())
    }

    /// The result of a check.
    struct Settlement: Sendable {
        /// The refused cleanups, by name.
        var refused: [String: Conflict] = [:]
        /// The cleanups that use the schedule of a newer configuration, as long as an instance has it.
        var waiting: Set<String> = []
    }

    /// Records the meaning of every cleanup of this configuration and reschedules those that changed.
    ///
    /// Instances that start together share the work: each begins with another cleanup, and reads again what is left to do
    /// when it meets one that another has just recorded.
    func settle(now: Timestamp) async throws -> Settlement {
        var settlement = Settlement()
        var left = configuration.cleanups
        let first = left.indices.randomElement() ?? 0
        left = Array(left[first...] + left[..<first])
        for reading in 1...Self.mostReadings where !left.isEmpty {
            let found = try await find(left, now: now)
            settlement.refused.merge(try await conflicts(among: found)) { $1 }
            let count = try await settle(found, &settlement, now: now, isLast: reading == Self.mostReadings)
            left = Array(left[count...])
        }
        return settlement
    }

    /// Settles what was found, as far as no other instance is faster; returns how many are settled.
    private func settle(
        _ found: [Found], _ settlement: inout Settlement, now: Timestamp, isLast: Bool
    ) async throws -> Int {
        var living: [(id: String, config: String)]?
        for (number, one) in found.enumerated() where settlement.refused[one.cleanup.name] == nil {
            if let newer = one.newer {
                if living == nil { living = try await self.living() }
                if living?.contains(where: { newer.contains($0.config) }) == true {
                    settlement.waiting.insert(one.cleanup.name)
                    continue
                }
            }
            let isSettled = try await settle(one, now: now)
            if !isSettled, !isLast { return number }
        }
        return found.count
    }

    /// Applies another schedule that was recorded during a run, after the run set a due time by its own schedule.
    ///
    /// - Parameter due: when the cleanup is due after the run.
    func follow(_ text: String, after claim: Claim, due: Timestamp) async {
        let (name, before) = (claim.cleanup, claim.memory.definition)
        guard let cleanup = configuration.cleanup(named: name), let noted = Definition(text: text),
            noted.means(theSameAs: own(cleanup, now: due)), let schedule = noted.schedule
        else { return }
        // A requested run leaves the due time as it was, whatever its own schedule.
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
            let new = schedule.rescheduled(after: former, due: due, now: now)
            change.write("ZADD", .own(keys.schedule), [.value(String(new.milliseconds)), .value(name)])
            _ = try await store.functions.note(change, keys)
        } catch {
            store.logger.warning("a cleanup was not rescheduled", metadata: ["error": "\(error)"])
        }
    }

    private func find(_ cleanups: [Cleanup], now: Timestamp) async throws -> [Found] {
        guard !cleanups.isEmpty else { return [] }
        let names = cleanups.map(\.name)
        var (texts, scores): ([RedisValue], [RedisValue]) = ([], [])
        // So many at a time that Redis isn't held up.
        for names in names.chunks(ofCount: 500) {
            texts += try await redis.read("HMGET", keys.definitions, Array(names)).elements
            scores += try await redis.read("ZMSCORE", keys.schedule, Array(names)).elements
        }
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

    /// The other living instances that have the cleanup of a recorded definition.
    func users(of text: String?) async throws(CurfewError) -> [String] {
        guard let noted = text.flatMap(Definition.init(text:)) else { return [] }
        do {
            return try await living().filter { noted.isOf(config: $0.config) }.map(\.id).sorted()
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        }
    }

    /// The other living instances with their configurations.
    private func living() async throws -> [(id: String, config: String)] {
        let seen = try await redis.send(
            RedisCommand("ZREVRANGE", [keys.instances, "0", String(Self.mostInstances - 1)]))
        let ids = seen.elements.compactMap(\.string).filter { $0 != instance }
        guard !ids.isEmpty else { return [] }
        let replies = try await redis.pipeline(
            ids.map { RedisCommand("HGET", [keys.instance($0), "config"]) })
        return zip(ids, replies).compactMap { id, reply in reply.string.map { (id, $0) } }
    }

    /// Returns false if another instance was faster.
    private func settle(_ found: Found, now: Timestamp) async throws -> Bool {
        guard let (definition, due) = step(found, now: now) else { return true }
        let name = found.cleanup.name
        guard try await note(found, definition, due: due) else {
            // A run is active and applies the recorded definition at its end, or another instance was faster.
            return due == nil ? false : try await note(found, definition, due: nil)
        }
        if let noted = found.noted, !noted.means(theSameAs: found.own) || !noted.runs(asOftenAs: found.own) {
            store.logger.notice(
                "a cleanup was redefined",
                metadata: [
                    "cleanup": "\(name)", "before": "\(noted.words)", "now": "\(definition.words)",
                    "schedule": "\(found.cleanup.schedule)", "due": "\(due?.iso8601 ?? "unchanged")",
                ])
        }
        return true
    }

    /// The definition to record and the new due time; nil if nothing must change.
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
                // A disabled cleanup was not overdue.
                due = now
            } else if !noted.runs(asOftenAs: own) {
                due = found.cleanup.schedule.rescheduled(after: noted.schedule, due: score, now: now)
            } else {
                due = bounded(found, now: now)
            }
        }
        let isNew = !isSame || noted.isOff || !noted.runs(asOftenAs: own) || !noted.isOf(config: own.configs)
        return isNew || due != nil ? (definition, due) : nil
    }

    /// The latest possible due time, if the due time is later.
    private func bounded(_ found: Found, now: Timestamp) -> Timestamp? {
        // The time was read before the schedule, so the cleanup may have run in between.
        let latest = found.cleanup.schedule.latest(from: now + ClockStep.most)
        guard found.cleanup.isEnabled, let due = found.due, due > latest else { return nil }
        return latest
    }

    /// Records a definition if what was read is unchanged and, for a new due time, no run is active.
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
            // The score that was read may be the end of a lease whose run has ended.
            if found.due != nil {
                change.checks.append(
                    .init(check: .score, key: keys.schedule, field: name, value: found.dueText, complaint: ""))
            }
        }
        change.write("HSET", .own(keys.definitions), [.value(name), .value(definition.text)])
        if let due {
            change.write("ZADD", .own(keys.schedule), [.value(String(due.milliseconds)), .value(name)])
        }
        // A disabled cleanup owes no run.
        if found.noted?.isOff == true, found.cleanup.isEnabled { change.write("HDEL", .own(keys.owed), [.value(name)]) }
        return try await store.functions.note(change, keys) == .made
    }
}

extension FunctionLibrary {
    /// Writes one of Curfew's own keys, even if Redis is full; under a lease if it belongs to a run.
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
