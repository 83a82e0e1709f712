/// What a record's age counts from: the key `since`.
package struct Start: Sendable, Equatable, ExpressibleByArrayLiteral {
    /// Which of the fields counts.
    package enum Rule: Sendable, Equatable {
        /// The first that has a time.
        case first
        /// The latest of those that have a time.
        case latest
        /// The first, which is a time, and all others, which are delays in that unit, added to it.
        case sum(unit: SpanUnit)
    }

    /// The fields that are looked at, in their order.
    package let fields: [String]
    /// Which of them counts.
    package let rule: Rule

    /// Makes it.
    package init(_ fields: [String], _ rule: Rule = .first) {
        self.fields = fields
        self.rule = rule
    }

    /// The first of the fields that has a time.
    package init(arrayLiteral fields: String...) {
        self.init(fields)
    }

    /// Whether nothing says when a record began.
    package var isEmpty: Bool { fields.isEmpty }

    /// Those of the fields that hold a time, and no delay.
    package var times: [String] {
        if case .sum = rule { Array(fields.prefix(1)) } else { fields }
    }

    /// The time that a record's age counts from; throws also where there is none.
    package func time(
        of record: Record, by times: TimeReading, at now: Timestamp?
    ) throws(RecordError) -> FieldTime {
        if let found = try timeIfAny(of: record, by: times, at: now) { return found }
        throw RecordError("\(record.absence(of: self.times)): \(RecordTime.expectation)")
    }

    /// The time that a record's age counts from; nil where none of the fields has one.
    ///
    /// Throws where one that may count can't be read: any other would be a guess.
    package func timeIfAny(
        of record: Record, by times: TimeReading, at now: Timestamp?
    ) throws(RecordError) -> FieldTime? {
        switch rule {
        case .first: try record.firstTimeIfAny(fields, by: times, at: now)
        case .latest: try latest(of: record, by: times, at: now)
        case .sum(let unit): try sum(of: record, in: unit, by: times, at: now)
        }
    }

    /// The time as the application has written it, without delays; nil where none of the fields has one.
    func written(of record: Record, by times: TimeReading, at now: Timestamp?) throws(RecordError) -> FieldTime? {
        guard case .sum = rule else { return try timeIfAny(of: record, by: times, at: now) }
        return try record.firstTimeIfAny(self.times, by: times, at: now)
    }

    private func latest(of record: Record, by times: TimeReading, at now: Timestamp?) throws(RecordError) -> FieldTime?
    {
        var latest: FieldTime?
        for field in fields {
            guard let found = try record.time(field, by: times, at: now) else { continue }
            if let latest, latest.time.timestamp >= found.time.timestamp { continue }
            latest = found
        }
        if let field = latest?.field { latest?.others = record.image(fields.filter { $0 != field }) }
        return latest
    }

    private func sum(
        of record: Record, in unit: SpanUnit, by times: TimeReading, at now: Timestamp?
    ) throws(RecordError) -> FieldTime? {
        guard let first = fields.first, var found = try record.time(first, by: times, at: now) else { return nil }
        let delays = Array(fields.dropFirst())
        for field in delays {
            guard let delay = try record.span(field, in: unit) else { continue }
            found.time.timestamp = found.time.timestamp + delay
            found.delays.append(field)
        }
        found.others = record.image(delays)
        return found
    }
}
