extension Record {
    /// A record that is kept as JSON, with the values of those fields; throws where one of them can't be read.
    ///
    /// To a policy it is a hash like any other. What differs is how a verdict on it is carried out: see
    /// ``Verdict/bound(to:)``.
    ///
    /// - Parameter loose: the fields that are only looked at, and may be objects or lists.
    package init(
        id: String, key: String, document: JSONRecord, fields names: [String], loose: [String] = []
    ) throws(RecordError) {
        var values: [String?] = []
        values.reserveCapacity(names.count)
        for name in names { values.append(try loose.contains(name) ? document.shown(name) : document[name]) }
        self.init(id: id, key: key, content: .hash(Fields(names: names, values: values)))
        self.document = document
    }

    /// The same with the paths that lead into fields of a hash which hold JSON, `data.cost`: what they lead to.
    ///
    /// A field that is called exactly so comes first. Throws where a field on the way holds no JSON.
    ///
    /// - Parameters:
    ///   - paths: those of the fields that may be paths.
    ///   - root: what the field holds that a path begins with.
    package func lookingInto(_ paths: [String], loose: [String], root: (String) -> String?) throws(RecordError)
        -> Record
    {
        guard case .hash(let fields) = content else { return self }
        var found: [String: String?] = [:]
        var roots: [FieldWrite] = []
        for path in paths where fields[path] == nil {
            let name = Self.root(of: path)
            let text = root(name)
            if !roots.contains(where: { $0.field == name }) { roots.append(FieldWrite(field: name, value: text)) }
            guard let text, !text.isEmpty else { continue }
            let rest = String(path.unicodeScalars.dropFirst(name.unicodeScalars.count + 1))
            do throws(RecordError) {
                let document = try JSONRecord(text, takesList: true)
                found[path] = try loose.contains(path) ? document.shown(rest) : document[rest]
            } catch {
                throw RecordError("\(name), for \(path): \(error.message)")
            }
        }
        var record = self
        record.content = .hash(
            Fields(names: fields.names) { number in
                let name = fields.names[number]
                return fields[name] ?? found[name] ?? nil
            })
        record.place = (place ?? Place(entry: id, name: id)).with(roots: roots)
        return record
    }

    /// The field that a path begins with.
    package static func root(of path: String) -> String {
        String(path.prefix { $0 != "." })
    }
}

extension Verdict {
    /// The verdict as it is carried out on this record: the same for a hash at a key of its own; for any other about what
    /// there is in place of single fields.
    ///
    /// Redis can't look into JSON. So the guards on single fields become one on the whole text as it was read, and the
    /// writes of single fields the whole text as it is to be. What the gaps of a key hold is no field, and needs no guard. A
    /// record that stands in a registry must still stand there, and a change that ends its standing takes it out.
    ///
    /// Throws where the record has no place for what is to be written.
    package func bound(to record: Record) throws(RecordError) -> Verdict {
        guard record.document != nil || record.place != nil else { return self }
        switch self {
        case .ask, .leave: return self
        case .drop(let because, let guards): return .drop(because: because, guards: record.bound(guards))
        case .change(var change):
            change.guards = record.bound(change.guards)
            change = try change.mapEffects { effect throws(RecordError) in try record.bound(effect) }
            if let taking = record.taking(by: change) {
                change = change.adding(.take(taking))
                // It stands where it is watched no more.
                change.next = nil
            }
            return .change(change)
        }
    }
}

extension Record {
    /// These guards as they can be checked where the record is.
    fileprivate func bound(_ guards: [Guard]) -> [Guard] {
        var bound: [Guard] = []
        if let whole = wholeGuard { bound.append(whole) }
        for item in guards {
            switch item {
            case .field(let name, _):
                if !hasFields || place?.isFact(name) == true || place?.body == .member { continue }
                let found = rooted(name) ?? item
                if !bound.contains(found) { bound.append(found) }
            // It is guarded as a whole.
            case .text: continue
            case .recordMissing:
                guard case .field(let field)? = place?.body else {
                    bound.append(item)
                    continue
                }
                bound.append(.otherField(key: key, field: field, equals: nil))
            default: bound.append(item)
            }
        }
        if let seat = place?.seat { bound.append(seat.guard) }
        return bound
    }

    /// Whether there are fields that Redis can look at one by one.
    private var hasFields: Bool {
        if document != nil { return false }
        return if case .text = content { false } else { true }
    }

    /// That the text is still as it was read; nil where the record is none, or is guarded with its seat.
    private var wholeGuard: Guard? {
        guard let document else {
            guard case .text(let text) = content else { return nil }
            switch place?.body ?? .key {
            case .key: return .text(equals: text)
            case .field(let field): return .otherField(key: key, field: field, equals: text)
            case .member: return nil
            }
        }
        switch place?.body ?? .key {
        case .key: return .text(equals: document.text)
        case .field(let field): return .otherField(key: key, field: field, equals: document.text)
        case .member: return nil
        }
    }

    /// For a path into a field that holds JSON, the guard on that field.
    private func rooted(_ path: String) -> Guard? {
        guard let place, !place.roots.isEmpty, path.utf8.contains(UInt8(ascii: ".")) else { return nil }
        let name = Self.root(of: path)
        return place.roots.first { $0.field == name && $0.value != nil }.map { .field(name, equals: $0.value) }
    }

    /// An effect as it is carried out where the record is; nil for none.
    fileprivate func bound(_ effect: Effect) throws(RecordError) -> Effect? {
        switch effect {
        case .write(let write): return try bound(write)
        case .put(var push) where push.content == .id && place != nil:
            // In the index it is named by more than its id.
            push.content = .text(id)
            return .put(push)
        case .remove:
            switch place?.body ?? .key {
            case .key: return effect
            case .field(let field):
                let text = document?.text ?? self[Record.valueField]
                return .take(Taking(key: key, kind: .hash, member: text, field: field))
            // It goes with its seat.
            case .member: return nil
            }
        default: return effect
        }
    }

    private func bound(_ write: RecordWrite) throws(RecordError) -> Effect? {
        guard !write.sets.isEmpty else { return place == nil ? .write(write) : nil }
        if let place {
            if let fact = write.sets.first(where: { place.isFact($0.field) }) {
                throw RecordError("\(fact.field) is part of where the record is, and can't be written")
            }
            if place.body == .member {
                throw RecordError(
                    "the record is a member of \(key), whose \(write.sets[0].field) can't be written: "
                        + "expected what is put to be said with “with”")
            }
            if let path = write.sets.first(where: { rooted($0.field) != nil }) {
                throw RecordError("\(path.field) is in a text that holds JSON, and can't be written")
            }
        }
        guard let document, case .hash(let fields) = content else { return .write(write) }
        var write = write
        let text = try JSONRecord.setting(write.sets, like: fields.names, in: document.text)
        if case .field(let field)? = place?.body {
            var push = Push(key: key, kind: .hash, content: .text(text), field: field)
            push.earlier = [.hash(value: document.text)]
            return .put(push)
        }
        write.document = text
        let isEnough = try JSONRecord.restoring(write.before, in: text) == document.text
        write.originals = isEnough ? [] : try document.originals(of: write.sets)
        if !isEnough {
            let restored = try JSONRecord.restoring(write.before, originals: write.originals, in: text)
            write.original = restored == document.text ? nil : document.text
        }
        return .write(write)
    }

    /// What takes the record out of its registry with a change; nil where it stays there, or goes anyway.
    fileprivate func taking(by change: Change) -> Taking? {
        guard let place, place.isTaken, let seat = place.seat, change.action.endsStanding else { return nil }
        let taking = seat.taking
        for case .take(let other) in change.effects where other.key == taking.key {
            if other.member == taking.member, other.field == taking.field { return nil }
        }
        return taking
    }
}

extension Change.Action {
    /// Whether a record doesn't stand any more where it stood, after such a change.
    fileprivate var endsStanding: Bool {
        switch self {
        case .fail, .retry, .complete, .release, .cancel, .reset, .remove, .delete, .drop: true
        case .recount, .mark, .warn, .undo: false
        }
    }
}
