/// A time, and the field of a record that it was read from.
package struct FieldTime: Sendable, Equatable {
    /// The name of the field.
    package let field: String
    /// What the field holds, for guards and ledger entries.
    package let raw: String
    /// What that means.
    package var time: RecordTime

    /// The fields that have a say in which time counts beside ``field``, and what they held: those that would have
    /// counted before it but had no time, those that had an earlier one, and delays that are added to it.
    var others: [FieldWrite] = []

    /// The fields with the delays that are in ``time``.
    var delays: [String] = []

    /// What the time was read from, in words: `createdAt + delay`.
    var name: String { delays.isEmpty ? field : ([field] + delays).joined(separator: " + ") }

    /// The guard that this time is still as it was read.
    var isUnchanged: Guard { .field(field, equals: raw) }

    /// The guards that this is still the time that counts: what comes into another of its fields wins.
    var guards: [Guard] { [isUnchanged] + otherGuards }

    /// The same, after another one; made at once, since nearly every change begins with them.
    func guards(after first: Guard) -> [Guard] {
        others.isEmpty ? [first, isUnchanged] : [first, isUnchanged] + otherGuards
    }

    private var otherGuards: [Guard] { others.map { .field($0.field, equals: $0.value) } }

    /// When it was, in words: `updatedAt was 2023-07-22T04:26:40Z`.
    var moment: String {
        "\(name) was \(TimeForm.iso8601(TimeForm.ISO8601()).text(for: time.timestamp))"
    }

    /// How long ago it is, in words that hold for the future too: `3m ago`, `3m from now`.
    func distance(from now: Timestamp) -> String {
        let age = now - time.timestamp
        return age < .zero ? "\((time.timestamp - now).roughText) from now" : "\(age.roughText) ago"
    }
}

extension Record {
    /// The time in that field; nil where there is none, an error where it can't be read or can't be.
    ///
    /// Whatever is read for has happened, so a time that is far ahead of `now` is no time at all: taken for one, it would
    /// keep the record for ever. Where no `now` is given, nobody asks how long ago it was.
    package func time(
        _ field: String, by times: TimeReading, at now: Timestamp?
    ) throws(RecordError) -> FieldTime? {
        guard let raw = present(field) else { return nil }
        switch times.read(raw) {
        case .none: return nil
        case .unreadable(let expectation): throw .unreadable(field, raw, expectation)
        case .time(let time):
            if let now, time.timestamp - now > RecordTime.mostAhead {
                let ahead = (time.timestamp - now).roughText
                throw .unreadable(field, raw, "\(ahead) from now, expected a time at most a day ahead")
            }
            return FieldTime(field: field, raw: raw, time: time)
        }
    }

    /// The time in the first of the fields that has one; nil where none has.
    ///
    /// Throws where one that comes before can't be read: a later field would be a guess.
    func firstTimeIfAny(
        _ fields: [String], by times: TimeReading, at now: Timestamp?
    ) throws(RecordError) -> FieldTime? {
        for (place, field) in fields.enumerated() {
            guard var found = try time(field, by: times, at: now) else { continue }
            if place > 0 { found.others = image(Array(fields[..<place])) }
            return found
        }
        return nil
    }

    /// That these fields have no time, in words: `startedAt is “0”, updatedAt missing`.
    func absence(of fields: [String]) -> String {
        let written = fields.filter { present($0) != nil }.map { "\($0) is “\(self[$0] ?? "")”" }
        let missing = fields.filter { present($0) == nil }
        let parts = written + (missing.isEmpty ? [] : ["\(missing.joined(separator: " and ")) missing"])
        return parts.joined(separator: ", ")
    }

    /// The whole number in that field; nil where it is absent or empty, an error where it is anything else or negative.
    func wholeNumber(_ field: String) throws(RecordError) -> Int64? {
        guard let raw = present(field) else { return nil }
        guard let number = WholeNumber(raw)?.value, number >= 0 else {
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
package func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
}
