/// A time, and the field of a record that it was read from.
struct FieldTime: Sendable, Equatable {
    /// The name of the field.
    let field: String
    /// What the field holds, for guards and ledger entries.
    let raw: String
    /// What that means.
    let time: RecordTime

    /// The guard that this time is still as it was read.
    var isUnchanged: Guard { .field(field, equals: raw) }

    /// When it was, in words: `updatedAt was 2023-07-22T04:26:40Z`.
    var moment: String {
        "\(field) was \(TimeForm.iso8601(TimeForm.ISO8601()).text(for: time.timestamp))"
    }

    /// How long ago it is, in words that hold for the future too: `3m ago`, `3m from now`.
    func distance(from now: Timestamp) -> String {
        let age = now - time.timestamp
        return age < .zero ? "\((time.timestamp - now).roughText) from now" : "\(age.roughText) ago"
    }
}

extension Record {
    /// The time in that field; nil where it is absent or empty, an error where it can't be read.
    func time(_ field: String) throws(RecordError) -> FieldTime? {
        guard let raw = present(field) else { return nil }
        guard let time = RecordTime(text: raw) else {
            throw .unreadable(field, raw, RecordTime.expectation)
        }
        return FieldTime(field: field, raw: raw, time: time)
    }

    /// The time in the first of the fields that is present.
    ///
    /// Throws where that one can't be read (a later field would be a guess) or none is present.
    func firstTime(_ fields: [String]) throws(RecordError) -> FieldTime {
        for field in fields {
            if let found = try time(field) { return found }
        }
        throw RecordError("\(fields.joined(separator: " and ")) missing: \(RecordTime.expectation)")
    }

    /// The whole number in that field; nil where it is absent or empty, an error where it is anything else or negative.
    func wholeNumber(_ field: String) throws(RecordError) -> Int64? {
        guard let raw = present(field) else { return nil }
        guard let number = Int64(raw), number >= 0 else {
            throw .unreadable(field, raw, "expected a whole number, 0 or more")
        }
        return number
    }

    /// What those fields hold now, for a before-image.
    func image(_ fields: [String]) -> [FieldWrite] {
        fields.map { FieldWrite(field: $0, value: self[$0]) }
    }
}

/// The names, each once, in order.
func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
}
