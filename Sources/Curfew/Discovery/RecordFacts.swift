internal import Foundation
internal import Policies
internal import RedisClient

/// What a sample of records has in common: their fields, and what these probably are.
struct RecordFacts: Sendable {
    /// A record as it was read: its fields with their values, which may be cut.
    typealias Row = [(name: String, value: String)]

    /// The most fields that are looked at.
    static let mostFields = 64

    /// How many records were read.
    var sampled = 0
    /// The fields, those in most records first.
    var fields: [FieldFacts] = []
    /// What each field probably is.
    var roles: [String: FieldRole] = [:]
    /// The field with the state; nil if there is none.
    var status: String?
    /// The states with how many records are in each, most first.
    var states: [(text: String, kind: StateWords.Kind, count: Int)] = []
    /// Per state, in how many records each field says something.
    var filled: [String: [String: Int]] = [:]
    /// How long records took from their start to their end, longest first: a few.
    var durations: [Duration] = []

    /// Finds out what rows have in common.
    init(_ rows: [Row], at now: Timestamp) {
        sampled = rows.count
        var places: [String: Int] = [:]
        for row in rows {
            for (name, value) in row {
                if places[name] == nil {
                    guard fields.count < Self.mostFields else { continue }
                    places[name] = fields.count
                    fields.append(FieldFacts(name: name))
                }
                guard let place = places[name] else { continue }
                fields[place].add(value, at: now, roles: FieldRole.named(name))
            }
        }
        fields.sort { ($1.present, $0.name) < ($0.present, $1.name) }
        for field in fields {
            roles[field.name] = FieldRole.of(field.name, isTime: field.isTime, isNumber: field.isNumber)
        }
        for field in fields where roles[field.name] == .other && field.isObject { roles[field.name] = .object }
        findStatus()
        findStates(rows)
        findDurations(rows)
    }

    /// The field of a name.
    func field(_ name: String) -> FieldFacts? { fields.first { $0.name == name } }

    /// The fields of a role, those in most records first.
    func fields(_ role: FieldRole) -> [FieldFacts] { fields.filter { roles[$0.name] == role } }

    /// The times of a role.
    func times(_ role: FieldRole) -> [FieldFacts] { fields(role).filter(\.isTime) }

    /// The states of a kind, as written.
    func states(_ kinds: StateWords.Kind...) -> [String] { states.filter { kinds.contains($0.kind) }.map(\.text) }

    /// How many of the sampled records are in these states.
    func count(in states: [String]) -> Int {
        self.states.filter { states.contains($0.text) }.reduce(0) { $0 + $1.count }
    }

    /// In how many of the records in these states a field says something.
    func filled(_ field: String, in states: [String]) -> Int {
        states.reduce(0) { $0 + (filled[$1]?[field] ?? 0) }
    }

    private mutating func findStatus() {
        var best: (name: String, score: Int)?
        for field in fields where field.filled > 0 && !field.isVaried && !field.isTime && !field.isNumber {
            let known = field.values.filter { StateWords.kind(of: $0.text) != .unknown }.reduce(0) { $0 + $1.count }
            let isNamed = roles[field.name] == .status
            guard known * 10 >= field.filled * (isNamed ? 3 : 8), isNamed || field.values.count <= 12 else { continue }
            let score = (isNamed ? 1_000 : 0) + known * 100 / field.filled + field.filled * 100 / max(1, sampled)
            if score > best?.score ?? 0 { best = (field.name, score) }
        }
        status = best?.name
        if let status { roles[status] = .status }
    }

    private mutating func findStates(_ rows: [Row]) {
        guard let status, let field = field(status) else { return }
        states = field.values.map { (text: $0.text, kind: StateWords.kind(of: $0.text), count: $0.count) }
            .sorted { ($1.count, $0.text) < ($0.count, $1.text) }
        for row in rows {
            guard let state = row.first(where: { $0.name == status })?.value else { continue }
            for (name, value) in row where !value.isEmpty { filled[state, default: [:]][name, default: 0] += 1 }
        }
    }

    private mutating func findDurations(_ rows: [Row]) {
        let starts = times(.start).map(\.name), ends = times(.end).map(\.name)
        guard !starts.isEmpty, !ends.isEmpty else { return }
        for row in rows {
            guard let start = Self.time(row, starts), let end = Self.time(row, ends), end >= start else { continue }
            durations.append(end - start)
        }
        durations.sort(by: >)
    }

    private static func time(_ row: Row, _ names: [String]) -> Timestamp? {
        for name in names {
            guard let value = row.first(where: { $0.name == name })?.value,
                let time = RecordTime(text: value)
            else { continue }
            return time.timestamp
        }
        return nil
    }
}

extension RecordFacts {
    /// The fields of a JSON object as paths; nil where a text is none.
    ///
    /// - Parameter depth: how many objects deep it is looked.
    static func row(json text: String, depth: Int = 3) -> Row? {
        guard text.utf8.first == UInt8(ascii: "{") else { return nil }
        do {
            let value = try JSONSerialization.jsonObject(with: Data(ByteText.bytes(of: text)))
            guard let object = value as? [String: Any] else { return nil }
            var row: Row = []
            flatten(object, "", depth, &row)
            return row
        } catch {
            return nil
        }
    }

    private static func flatten(_ object: [String: Any], _ path: String, _ depth: Int, _ row: inout Row) {
        for (name, value) in object.sorted(by: { $0.key < $1.key }) where row.count < mostFields {
            let place = path.isEmpty ? name.held : "\(path).\(name.held)"
            switch value {
            case let text as String: row.append((place, text.held))
            case let number as NSNumber: row.append((place, number.stringValue))
            case let inner as [String: Any] where depth > 1: flatten(inner, place, depth - 1, &row)
            default: continue
            }
        }
    }
}
