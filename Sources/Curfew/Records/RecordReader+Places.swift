internal import Policies
internal import RedisClient

/// Records that are no key named by their id: they stand in registries, or their keys have several gaps.
extension RecordReader {
    /// What was found of a record that isn't a key of its own.
    private enum Found {
        case text(String)
        case gone
        case failure(RecordError)
    }

    /// The most members that are looked through for one that somebody names.
    private static let mostLooked = 100_000

    /// The source, if records stand in registries.
    var registry: RecordSource? { cleanup.source.flatMap { $0.isRegistry ? $0 : nil } }

    /// The command that reads a record which isn't a key of its own; nil for one that is.
    ///
    /// A member of a list has nothing else to be read; what is asked only keeps questions and answers in step.
    func placedCommand(_ entry: DueEntry, _ key: String) -> RedisCommand? {
        guard let place = entry.place else { return nil }
        var command: RedisCommand
        switch place.body {
        case .key: return nil
        case .field(let field): command = RedisCommand("HGET", [key, field])
        case .member:
            guard let seat = place.seat else { return nil }
            switch seat.kind {
            case .hash: command = RedisCommand("HGET", [key, seat.member])
            case .set: command = RedisCommand("SISMEMBER", [key, seat.member])
            case .zset: command = RedisCommand("ZSCORE", [key, seat.member])
            case .stream: command = RedisCommand("XRANGE", [key, seat.member, seat.member, "COUNT", "1"])
            case .list, .text: command = RedisCommand("EXISTS", [key])
            }
        }
        command.replySize = .record
        return command
    }

    /// Makes records of replies for those that aren't keys of their own.
    func placedRecords(_ entries: [Evaluator.Keyed], replies: [RedisValue]) throws -> [Read] {
        try zip(entries, replies).map { item, reply in
            let (entry, key) = item
            if let error = reply.error {
                guard error.code == "WRONGTYPE" else { return .failure(try Self.trouble(error, key)) }
                return .failure(
                    RecordError("\(key) is of another type: expected what holds “\(entry.place?.name ?? "")”"))
            }
            return placed(entry, key, reply)
        }
    }

    private func placed(_ entry: DueEntry, _ key: String, _ reply: RedisValue) -> Read {
        guard let place = entry.place else { return .failure(RecordError("\(key) is no record")) }
        let id = place.facts["id"] ?? place.name
        var record = Record(id: id, key: key, content: .missing, place: place)
        if place.body == .member, let seat = place.seat {
            switch seat.kind {
            case .set where reply.integer != 1, .zset where reply.string == nil, .list where reply.integer == 0:
                return .success(record)
            case .stream:
                guard reply.count > 0 else { return .success(record) }
                let pairs = reply[0][1].fields()
                let fields = Dictionary(pairs.map { ($0.name.string ?? "", $0.value.string) }) { first, _ in first }
                record.content = .hash(Fields(names: names) { fields[names[$0]] ?? nil })
                return looked(record) { fields[$0] ?? nil }
            case .set, .zset, .list, .text: return document(seat.member, record)
            case .hash: break
            }
        }
        guard let text = reply.string else { return .success(record) }
        return document(text, record)
    }

    /// A record that is a text: JSON where it is some, or where the file says so.
    private func document(_ text: String, _ record: Record) -> Read {
        var record = record
        let first = text.utf8.first { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        let isJSON = cleanup.format == .json || first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        guard isJSON, cleanup.format != .text else {
            // Paths lead into nothing.
            if let path = names.first(where: { $0.contains(".") || Int($0) != nil }), cleanup.format != .text {
                let shown = text.shortened(to: 80)
                return .failure(
                    RecordError("\(record.key), “\(record.name)” is “\(shown)”: expected JSON, for \(path)"))
            }
            record.content = .text(text)
            return .success(record)
        }
        do throws(RecordError) {
            let whole = try JSONRecord(text, takesList: true)
            let place = record.place
            record = try Record(id: record.id, key: record.key, document: whole, fields: names, loose: loose)
            record.place = place
            return .success(record)
        } catch {
            return .failure(RecordError("\(record.key), “\(record.name)”: \(error.message)"))
        }
    }

    /// The reads with what only places have: paths into fields that hold JSON, and what records are called.
    func finished(_ reads: [Read], _ entries: [Evaluator.Keyed]) -> [Read] {
        guard cleanup.source != nil || !paths.isEmpty else { return reads }
        return zip(reads, entries).map { read, item in
            guard case .success(var record) = read else { return read }
            if record.place == nil, let place = item.entry.place {
                record.place = place
                record.id = place.facts["id"] ?? place.name
            }
            return named(looked(record) { record[$0] })
        }
    }

    private func looked(_ record: Record, _ root: (String) -> String?) -> Read {
        guard !paths.isEmpty else { return .success(record) }
        do throws(RecordError) {
            return .success(try record.lookingInto(paths, loose: loose, root: root))
        } catch {
            return .failure(RecordError("\(record.key): \(error.message)"))
        }
    }

    private func named(_ read: Read) -> Read {
        guard let path = cleanup.source?.name, case .success(var record) = read, let text = record.present(path)
        else { return read }
        let place = record.place ?? Place(entry: record.id, name: record.id)
        // An object, or something as long, is known by its beginning and a digest of all.
        let whole = Fields(names: [""], values: [text]).signature
        let name = text.utf8.count > 200 ? "\(text.shortened(to: 100)) (\(whole))" : text
        let facts = place.facts["id"] == nil || place.body == .member ? ["id": name] : [:]
        record.place = place.with(facts: facts, name: name)
        if !facts.isEmpty { record.id = name }
        return .success(record)
    }

    /// The reads with what is told of a record by times that aren't in it: how long its key stays, when it was first seen.
    func timed(_ reads: [Read], at now: Timestamp) async throws -> [Read] {
        var reads = reads
        if !spans.isEmpty { try await addExpiries(to: &reads, at: now) }
        if seesFirst { try await addSightings(to: &reads) }
        return reads
    }

    private func addExpiries(to reads: inout [Read], at now: Timestamp) async throws {
        let places = reads.indices.filter { place in
            if case .success(let record) = reads[place] { record.content != .missing } else { false }
        }
        let replies = try await redis.pipeline(places.map { RedisCommand("PTTL", [try reads[$0].get().key]) })
        for (place, reply) in zip(places, replies) {
            guard case .success(var record) = reads[place] else { continue }
            if let error = reply.error {
                reads[place] = .failure(try Self.trouble(error, record.key))
                continue
            }
            var facts: [String: String] = [:]
            if let left = reply.integer, left >= 0 {
                for (name, span) in spans { facts[name] = String(now.milliseconds + left - span.milliseconds) }
            }
            let known = record.place ?? Place(entry: record.id, name: record.id)
            record.place = known.with(facts: facts)
            reads[place] = .success(record)
        }
    }

    private func addSightings(to reads: inout [Read]) async throws {
        let members = reads.map { read in if case .success(let record) = read { record.member } else { "" } }
        guard !members.isEmpty else { return }
        let found = try await redis.send(RedisCommand("HMGET", [keys.seen(cleanup.name)] + members))
        if let error = found.error { throw CurfewError(error, "reading \(keys.seen(cleanup.name))") }
        for (place, reply) in zip(reads.indices, found.elements) {
            guard case .success(var record) = reads[place],
                let sighting = reply.string.flatMap({ Sighting(remembered: $0, value: record.seenValue) })
            else { continue }
            let known = record.place ?? Place(entry: record.id, name: record.id)
            let first = String(sighting.first.milliseconds)
            record.place = known.with(facts: ["<seen>": first, "seen": first])
            reads[place] = .success(record)
        }
    }

    /// What is decided on a record whose value is seen for the first time, where its age counts from then.
    func firstSight(of record: Record, at now: Timestamp) -> Evaluation.Decision? {
        guard seesFirst, record.content != .missing, record.place?.facts["<seen>"] == nil else { return nil }
        return .leave(
            Leave(
                until: now + cleanup.policy.shortestTimeout, because: "seen for the first time",
                remember: Sighting.text(first: now, value: record.seenValue)))
    }

    /// The entry of a record that somebody names: as events do, by its member, or by its whole key.
    ///
    /// Registries are walked for it, up to ``mostLooked`` members.
    func entry(named name: String, at now: Timestamp) async throws -> DueEntry {
        let plain = DueEntry(id: name, score: 0, scoreText: "")
        guard let source = registry else { return try await seated([plain], at: now)[0] }
        let list = RegistryList(redis: redis, cleanup: cleanup, source: source, keys: keys)
        if let found = try await entry(named: name, in: try await list.all(), source, at: now) { return found }
        // It may stand where no run has looked yet.
        let rest = source.isScanned ? try await list.scanned() : []
        if let found = try await entry(named: name, in: rest, source, at: now) { return found }
        throw RecordError("no member of \(source.templates.map(\.text).joined(separator: ", ")) is “\(name)”")
    }

    /// The same among these registries; nil where none has it.
    private func entry(
        named name: String, in registries: [String], _ source: RecordSource, at now: Timestamp
    ) async throws -> DueEntry? {
        guard !registries.isEmpty else { return nil }
        // Neither by range nor by the index: it needn't be due.
        var walked = source
        walked.isByScore = false
        var walk = try await RegistryWalk(
            registries, from: nil, of: cleanup, walked, index: "", horizon: now, now: now, redis)
        var looked = 0
        while looked < Self.mostLooked, let command = walk.command() {
            let entries = try await walk.take(try await redis.send(command))
            for entry in entries { walk.finished(entry, stays: true) }
            looked += entries.count
            if let found = entries.first(where: { $0.isNamed(name) }) { return found }
            guard source.name != nil else { continue }
            let keyed = try entries.filter { $0.place != nil }.map { try self.keyed($0) }
            let reads = try await records(keyed, replies: try await redis.pipelineInPieces(commands(for: keyed)))
            for (item, read) in zip(keyed, reads) {
                if case .success(let record) = read, record.name == name { return item.entry }
            }
        }
        return nil
    }

    /// Where entries stand that are only named: looked up one by one.
    func seated(_ entries: [DueEntry], at now: Timestamp) async throws -> [DueEntry] {
        guard let source = registry else {
            guard let source = cleanup.source else { return entries }
            return entries.map { entry in
                var entry = entry
                entry.place = source.placed(key: entry.id)
                return entry
            }
        }
        let parts = entries.map { RecordSource.parts(of: $0.id) }
        var answers = [Answer](repeating: .standing(nil), count: entries.count)
        let types = try await redis.pipeline(parts.map { RedisCommand("TYPE", [$0?.registry ?? ""]) })
        var asked: [(place: Int, key: String, member: String, type: String)] = []
        for (place, part) in parts.enumerated() {
            guard let part, let type = types[place].string, type != "stream" else { continue }
            asked.append((place, part.registry, part.member, type))
        }
        try await stand(asked, into: &answers, at: now)
        return zip(zip(entries, parts), answers).map { item, answer in
            let (entry, part) = item
            var seated = entry
            guard let part, case .standing(let standing?, _) = answer else { return entry }
            do throws(RecordError) {
                seated.place = try source.placed(Seat(registry: part.registry, member: part.member, standing)).place
            } catch {
                seated.trouble = error
            }
            return seated
        }
    }
}

extension DueEntry {
    /// Whether somebody may mean it by that name.
    fileprivate func isNamed(_ name: String) -> Bool {
        guard let place else { return false }
        return place.name == name || place.seat?.member == name || place.facts["id"] == name
    }
}

extension Seat {
    /// The seat of a member that was looked up.
    init(registry: String, member: String, _ standing: Standing) {
        switch standing {
        case .list(let behind):
            self.init(registry: registry, kind: .list, member: member, end: behind == nil ? .head : .middle)
            self.behind = behind
        case .text, .stream: self.init(registry: registry, kind: .text, member: member)
        case .set: self.init(registry: registry, kind: .set, member: member)
        case .zset(let score): self.init(registry: registry, kind: .zset, member: member, score: score)
        case .hash(let value): self.init(registry: registry, kind: .hash, member: member, value: value)
        }
    }
}

extension Record {
    /// What tells whether it is still the same: its text, or all that was read of it.
    fileprivate var seenValue: String {
        if let text = document?.text { return text.count > 128 ? Fields(names: [""], values: [text]).signature : text }
        return switch content {
        case .missing: ""
        case .text(let text): text
        case .hash(let fields): fields.signature
        }
    }
}
