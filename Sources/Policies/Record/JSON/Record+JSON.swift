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
}

extension Verdict {
    /// The verdict as it is carried out on this record: the same for a hash, about the whole text for one kept as JSON.
    ///
    /// Redis can't look into JSON. So the guards on single fields become one on the whole text as it was read, and the
    /// writes of single fields the whole text as it is to be. Throws where the record has no place for one of them.
    package func bound(to record: Record) throws(RecordError) -> Verdict {
        guard let document = record.document, case .hash(let fields) = record.content else { return self }
        switch self {
        case .ask, .leave: return self
        case .drop(let because, let guards): return .drop(because: because, guards: document.guards(guards))
        case .change(var change):
            change.guards = document.guards(change.guards)
            return .change(
                try change.mapEffects { effect throws(RecordError) in
                    guard case .write(var write) = effect, !write.sets.isEmpty else { return effect }
                    let text = try JSONRecord.setting(write.sets, like: fields.names, in: document.text)
                    write.document = text
                    let isEnough = try JSONRecord.restoring(write.before, in: text) == document.text
                    write.originals = isEnough ? [] : try document.originals(of: write.sets)
                    return .write(write)
                })
        }
    }
}

extension JSONRecord {
    /// These guards with one on the whole text in place of those on single fields.
    fileprivate func guards(_ guards: [Guard]) -> [Guard] {
        [.text(equals: text)]
            + guards.filter { item in
                if case .field = item { false } else { true }
            }
    }
}
