extension FilesPolicy {
    /// Why a file goes, and what shows that it still has to.
    private struct Cause {
        let reason: String
        let age: Duration
        let timeout: Duration
        let guards: [Guard]
    }

    /// Leaves, drops, marks or deletes the file, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        if let verdict = try record.verdictUnlessHash() { return verdict }
        var time: FieldTime?
        if let deleted { time = try record.time(deleted.since, by: times, at: now) }
        if record[status] == FilesPolicy.claimed {
            return try verdict(onClaimed: record, isDeleted: time != nil, at: now)
        }
        if let deleted, let time { return try verdict(on: record, deleted: time, deleted, at: now) }
        guard let orphan else { return .leave(until: now + lookAgain, because: "it was not deleted") }
        if let owner = record.present(orphan.unless) {
            return .leave(until: now + lookAgain, because: "\(orphan.unless) is \(owner)")
        }
        return try verdict(on: record, without: orphan, at: now)
    }

    /// Gone, since an earlier run claimed it, unless the app has linked or restored it all the same.
    private func verdict(
        onClaimed record: Record, isDeleted: Bool, at now: Timestamp
    ) throws(RecordError) -> Verdict {
        let reason = "claimed before: \(status) is \(FilesPolicy.claimed)"
        if orphan == nil, let deleted, !isDeleted {
            throw RecordError("\(reason), but it has no \(deleted.since): restored meanwhile; nothing was deleted")
        }
        if let orphan, !isDeleted, let owner = record.present(orphan.unless) {
            throw RecordError("\(reason), but \(orphan.unless) is \(owner): linked meanwhile; nothing was deleted")
        }
        return try delete(
            record, Cause(reason: reason, age: .zero, timeout: .zero, guards: ownerGuard(on: record)), at: now)
    }

    /// The owner as it was read, where one counts.
    private func ownerGuard(on record: Record) -> [Guard] {
        (orphan?.unless).map { [.field($0, equals: record[$0])] } ?? []
    }

    /// Gone after its time; until then it can be restored.
    private func verdict(
        on record: Record, deleted time: FieldTime, _ deleted: Deleted, at now: Timestamp
    ) throws(RecordError) -> Verdict {
        let after = timeoutOverride ?? deleted.after
        let deadline = time.time.timestamp + after
        guard now >= deadline else {
            let rest = (deadline - now).roughText
            return .leave(
                until: deadline, because: "\(time.field) \(time.distance(from: now)), deleted for good in \(rest)")
        }
        let age = now - time.time.timestamp
        return try delete(
            record,
            Cause(
                reason: "deleted \(age.roughText) ago: \(time.moment), kept \(after.text)", age: age, timeout: after,
                // An owner that comes in between wins, also over a deletion.
                guards: [time.isUnchanged] + ownerGuard(on: record)), at: now)
    }

    /// Marked or deleted after its time without an owner.
    private func verdict(
        on record: Record, without orphan: Orphan, at now: Timestamp
    ) throws(RecordError) -> Verdict {
        let after = timeoutOverride ?? orphan.after
        let started = try since.time(of: record, by: times, at: now)
        let deadline = started.time.timestamp + after
        guard now >= deadline else {
            let rest = (deadline - now).roughText
            return .leave(
                until: deadline,
                because: "no \(orphan.unless), \(started.name) \(started.distance(from: now)), orphaned in \(rest)")
        }
        let age = now - started.time.timestamp
        let cause = Cause(
            reason: "no \(orphan.unless) for \(age.roughText): \(started.moment), timeout \(after.text)", age: age,
            timeout: after, guards: started.guards + ownerGuard(on: record))
        guard let mark = orphan.mark, let deleted else { return try delete(record, cause, at: now) }
        let state = record[status] ?? ""
        let rest = timeoutOverride ?? deleted.after
        return .change(
            Change(
                action: .mark, from: state, to: state,
                reason: "\(cause.reason); deleted for good in \(rest.text) unless it is restored", age: age,
                timeout: after, guards: guards(of: record, cause.guards + [.field(mark, equals: record[mark])]),
                effects: [
                    .write(
                        RecordWrite(
                            [FieldWrite(field: mark, value: started.time.text(for: now))],
                            before: record.image(fields)))
                ],
                next: now + rest))
    }

    /// The claim, the object and the record: the engine carries them out in this order.
    private func delete(_ record: Record, _ cause: Cause, at now: Timestamp) throws(RecordError) -> Verdict {
        let keys = try objectKeys(of: record)
        let state = record[status] ?? ""
        let isClaimed = state == FilesPolicy.claimed
        var guards = cause.guards
        for field in objects.flatMap(\.fields) + objectPrefixes.flatMap(\.fields) {
            guards.append(.field(field, equals: record[field]))
        }
        if let refs {
            switch try refs.count(for: record) {
            case .asked(let question): return .ask([question])
            case .known(let count, let name, let conditions):
                guard count <= ObjectUses.most else {
                    let why = "\(name) is \(count): others use the object"
                    guard !isClaimed else { throw RecordError("\(cause.reason), but \(why); nothing was deleted") }
                    return .leave(until: now + lookAgain, because: "\(cause.reason), but \(why)")
                }
                guards += conditions
            }
        }
        return .change(
            Change(
                action: .delete, from: state, to: FilesPolicy.claimed, reason: cause.reason, age: cause.age,
                timeout: cause.timeout,
                guards: self.guards(of: record, guards),
                effects: [
                    .objects(ObjectDeletion(storage: storage, keys: keys, bytes: filing?.bytes(of: record) ?? 0)),
                    .write(
                        RecordWrite(
                            isClaimed ? [] : [FieldWrite(field: status, value: FilesPolicy.claimed)],
                            before: record.image(fields))),
                    .remove(image: record.image(fields)),
                ]))
    }

    /// The keys of its objects: what isn't the first may be absent.
    private func objectKeys(of record: Record) throws(RecordError) -> [String] {
        var keys: [String] = []
        for (place, source) in objects.enumerated() {
            if let key = try source.key(of: record) {
                try check(key, of: record, by: source)
                guard !keys.contains(where: { $0.utf8.elementsEqual(key.utf8) }) else { continue }
                keys.append(key)
            } else if place == 0 {
                let missing = source.fields.first { record.present($0) == nil } ?? source.text
                throw RecordError(
                    "\(missing) is missing: expected the key of the object in storage; nothing was deleted")
            }
        }
        return keys
    }

    /// Throws where an object lies in a place where a record of this cleanup has none: it is somebody else's.
    private func check(_ key: String, of record: Record, by source: ObjectSource) throws(RecordError) {
        guard !objectPrefixes.isEmpty else { return }
        var expected: [String] = []
        for prefix in objectPrefixes {
            let prefix = try prefix.object(for: record)
            if key.hasPrefix(prefix) { return }
            expected.append("“\(prefix)”")
        }
        throw .unreadable(
            source.text, key, "expected an object below \(expected.joined(separator: " or ")); nothing was deleted")
    }

    /// The status first, then what decided, nothing twice.
    private func guards(of record: Record, _ others: [Guard]) -> [Guard] {
        var guards: [Guard] = [.field(status, equals: record[status])]
        for condition in others where !guards.contains(condition) { guards.append(condition) }
        return guards
    }

    /// How long until a file that neither rule is about now is looked at again.
    private var lookAgain: Duration {
        [orphan?.after, deleted?.after].compactMap { $0 }.reduce(.seconds(7 * 86_400), min)
    }
}
