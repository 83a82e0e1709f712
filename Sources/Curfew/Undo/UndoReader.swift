internal import Policies
internal import RedisClient

/// Reads what an undo has to know of a page of records beyond their events, in two pipelines at most.
struct UndoReader {
    /// The longest list that is searched for an id: it is walked inside Redis.
    static let longestQueue: Int64 = 1_000

    /// What was read for one event.
    struct Found: Sendable {
        /// The record's JSON, where records are kept as JSON.
        var document: JSONRecord?
        /// The payment to be taken back.
        var payment: Payment?
        /// The list or sorted set that the id is to be taken out of.
        var queue: (key: String, isSorted: Bool)?
        /// The note of recoveries that has one too many: its key, what it holds, and what it is to hold.
        var note: (key: String, text: String, rest: String)?
        /// The keys that are in the trash, with when they would have expired by themselves.
        var trash: [(key: String, expires: String?)] = []
    }

    /// A refund that stands in a ledger.
    struct Payment: Sendable {
        let balance: String
        let field: String?
        let ledger: String
        let entry: String
    }

    typealias Read = Result<Found, RecordError>

    let store: Store
    let undo: Undo
    let now: Timestamp

    private var cleanup: Cleanup { undo.cleanup }
    private var policy: any Policies.Policy { cleanup.policy }

    /// Reads for each event what its undoing needs, or why it can't be undone.
    func read(_ events: [UndoEvent]) async throws -> [Read] {
        var reads = events.map(Self.possible)
        try await readTrash(events, &reads)
        try await readNotes(events, &reads)
        let places = reads.indices.filter { isFound(reads[$0]) && needsRecord(events[$0]) }
        guard !places.isEmpty else { return reads }
        let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
        let keyed = places.map { number -> Evaluator.Keyed in
            var entry = DueEntry(id: events[number].record, score: 0, scoreText: "")
            entry.place = cleanup.source?.placed(recordKey: events[number].key, name: entry.id)
            return (entry, events[number].key)
        }
        let replies = try await store.redis.pipeline(keyed.map { reader.command(for: $0.key) })
        let records = try await reader.records(keyed, replies: replies)
        for (place, record) in zip(places, records) {
            reads[place] = reads[place].flatMap { found in record.map { found.with($0.document) } }
        }
        try await readPayments(events, places, records, &reads)
        try await readQueues(events, places, records, &reads)
        return reads
    }

    private func isFound(_ read: Read) -> Bool {
        if case .success = read { true } else { false }
    }

    private func needsRecord(_ event: UndoEvent) -> Bool {
        guard !event.isRemoval else { return false }
        if !cleanup.hasOwnKeys { return false }
        return cleanup.format == .json || event.tokens > 0 || policy.writes.contains { $0.role == .queue }
    }

    /// What can't be undone, whatever the record is like.
    private static func possible(_ event: UndoEvent) -> Read {
        if event.action == "delete" {
            return .failure(RecordError("objects deleted from storage can't be undone"))
        }
        if let stream = event.puts.first(where: { $0.kind == .stream && $0.member == nil }) {
            return .failure(RecordError("an entry was added to \(stream.key), a stream, which can't be taken back"))
        }
        if let taken = event.takes.first(where: { $0.kind == .stream && $0.pending == nil }) {
            return .failure(RecordError("an entry was deleted from \(taken.key), a stream, which can't be put back"))
        }
        let isMoved = !(event.puts.isEmpty && event.takes.isEmpty && event.also.isEmpty)
        if !event.isRemoval, event.before.isEmpty, !isMoved {
            return .failure(RecordError("its event says nothing that could be put back"))
        }
        return .success(Found())
    }

    /// Which keys of removed records are in the trash, and when they would have expired.
    private func readTrash(_ events: [UndoEvent], _ reads: inout [Read]) async throws {
        var wanted: [(place: Int, key: String)] = []
        for place in events.indices where isFound(reads[place]) {
            let own = events[place].isRemoval ? [events[place].key] : []
            wanted += (own + events[place].also).map { (place, $0) }
        }
        guard !wanted.isEmpty else { return }
        let replies = try await store.redis.pipeline(
            wanted.flatMap { place, key in
                let trash = Keys.trash(of: key, run: events[place].trashRun ?? undo.run)
                return [RedisCommand("EXISTS", [trash]), RedisCommand("GET", [trash + ":expires"])]
            })
        try Self.check(replies)
        // A key that went along with several records went once, and is put back with the first of them.
        var returned: Set<String> = []
        for (number, (place, key)) in wanted.enumerated() {
            let isThere = replies[2 * number].integer == 1
            if !isThere, events[place].isRemoval, key == events[place].key, let time = replies[2 * number + 1].integer,
                time <= now.milliseconds
            {
                let moment = Timestamp(milliseconds: time).iso8601
                reads[place] = .failure(RecordError("\(key) has expired meanwhile, at \(moment), as it would have"))
                continue
            }
            let isOwn = events[place].isRemoval && key == events[place].key
            guard isOwn || (isThere && returned.insert(key).inserted) else { continue }
            let expires = replies[2 * number + 1].string
            reads[place] = reads[place].map { $0.with((key, expires)) }
        }
    }

    /// The recoveries that were noted apart from their records, without those that are undone.
    private func readNotes(_ events: [UndoEvent], _ reads: inout [Read]) async throws {
        let places = events.indices.filter { place in
            isFound(reads[place]) && events[place].known.map(policy.notesRecovery) ?? false
        }
        guard !places.isEmpty else { return }
        let keys = places.map { store.keys.recoveries(cleanup.name, of: events[$0].record) }
        let replies = try await store.redis.pipeline(keys.map { RedisCommand("GET", [$0]) })
        try Self.check(replies)
        for ((place, key), reply) in zip(zip(places, keys), replies) {
            guard let text = reply.string, let at = Int64(events[place].at) else { continue }
            var times = text.split(separator: ",")
            // A run looks at its clock once for what it decides, and once more for the event.
            guard let last = times.last.flatMap({ Int64($0) }), last <= at else { continue }
            times.removeLast()
            reads[place] = reads[place].map { $0.with(note: (key, text, times.joined(separator: ","))) }
        }
    }

    /// An error that the server answers is no answer: WRONGTYPE is left to the guards.
    private static func check(_ replies: [RedisValue]) throws {
        for error in replies.lazy.compactMap(\.error) where error.code != "WRONGTYPE" {
            throw CurfewError(error, "reading what an undo needs")
        }
    }

    private func readPayments(
        _ events: [UndoEvent], _ places: [Int], _ records: [RecordReader.Read], _ reads: inout [Read]
    ) async throws {
        var charges: [(place: Int, charge: Charge)] = []
        for (place, read) in zip(places, records) where events[place].tokens > 0 && isFound(reads[place]) {
            let tokens = events[place].tokens
            do throws(RecordError) {
                guard let charge = try policy.charge(of: read.get()) else {
                    throw RecordError("\(tokens) tokens were refunded, and \(cleanup.name) has no refund now")
                }
                try store.keys.permit(charge.balance, as: "the balance of its refund")
                try store.keys.permit(charge.ledger, as: "the ledger of its refund")
                charges.append((place, charge))
            } catch {
                reads[place] = .failure(RecordError("its refund can't be found: \(error.message)"))
            }
        }
        guard !charges.isEmpty else { return }
        let ledgers = try await store.redis.pipeline(
            charges.map {
                RedisCommand(
                    "HMGET", [$0.charge.ledger] + $0.charge.entries.flatMap { RefundEntry.fields(of: $0) })
            })
        try Self.check(ledgers)
        for ((place, charge), ledger) in zip(charges, ledgers) {
            let amount = String(events[place].tokens)
            let held = ledger.elements.map(\.string)
            let size = held.count / charge.entries.count
            let paid = charge.entries.enumerated().lazy.compactMap { number, entry in
                RefundEntry.paid(entry, amount: amount, ledger: Array(held[(number * size)..<((number + 1) * size)]))
            }
            guard let entry = paid.first else {
                reads[place] = .failure(
                    RecordError("its refund of \(amount) doesn't stand in \(charge.ledger) as \(charge.entries[0])"))
                continue
            }
            let payment = Payment(balance: charge.balance, field: charge.field, ledger: charge.ledger, entry: entry)
            reads[place] = reads[place].map { $0.with(payment) }
        }
    }

    private func readQueues(
        _ events: [UndoEvent], _ places: [Int], _ records: [RecordReader.Read], _ reads: inout [Read]
    ) async throws {
        // With several gaps and in registries, what was put is said by the event.
        guard cleanup.source == nil else { return }
        var queues: [(place: Int, queue: String)] = []
        for (place, read) in zip(places, records) where isFound(reads[place]) {
            do throws(RecordError) {
                guard let action = events[place].known, let queue = try policy.queue(of: read.get(), after: action)
                else { continue }
                try store.keys.permit(queue, as: "its queue")
                queues.append((place, queue))
            } catch {
                reads[place] = .failure(RecordError("its queue can't be found: \(error.message)"))
            }
        }
        guard !queues.isEmpty else { return }
        let names = Array(Set(queues.map(\.queue)))
        let replies = try await store.redis.pipeline(
            names.flatMap { [RedisCommand("TYPE", [$0]), RedisCommand("LLEN", [$0])] })
        try Self.check(replies)
        for (place, queue) in queues {
            let number = names.firstIndex(of: queue) ?? 0
            switch (replies[2 * number].string, replies[2 * number + 1].integer) {
            case ("stream", _):
                reads[place] = .failure(RecordError("it was added to \(queue), a stream, which can't be taken back"))
            case ("zset", _): reads[place] = reads[place].map { $0.with(queue: queue, isSorted: true) }
            case (_, let length?) where length > Self.longestQueue:
                reads[place] = .failure(
                    RecordError("\(queue) has \(length) entries: expected at most \(Self.longestQueue), to search it"))
            default: reads[place] = reads[place].map { $0.with(queue: queue, isSorted: false) }
            }
        }
    }
}

extension UndoReader.Found {
    fileprivate func with(_ document: JSONRecord?) -> Self {
        var found = self
        found.document = document
        return found
    }

    fileprivate func with(_ payment: UndoReader.Payment) -> Self {
        var found = self
        found.payment = payment
        return found
    }

    fileprivate func with(_ moved: (key: String, expires: String?)) -> Self {
        var found = self
        found.trash.append(moved)
        return found
    }

    fileprivate func with(note: (key: String, text: String, rest: String)) -> Self {
        var found = self
        found.note = note
        return found
    }

    fileprivate func with(queue: String, isSorted: Bool) -> Self {
        var found = self
        found.queue = (queue, isSorted)
        return found
    }
}
