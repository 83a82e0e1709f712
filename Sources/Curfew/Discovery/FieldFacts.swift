internal import Policies
internal import RedisClient

/// What the values of one field, or of one path in JSON, have in common.
struct FieldFacts: Sendable {
    /// How many different values are kept.
    static let mostValues = 24
    /// The longest value that is kept as it is.
    static let longestValue = 120

    let name: String
    /// In how many of the records it is.
    var present = 0
    /// In how many of these it is empty.
    var empty = 0
    /// Its different values with how often they were seen, in the order of their first appearance; not all where it is
    /// ``isVaried``.
    var values: [(text: String, count: Int)] = []
    /// Whether there are more different values than are kept.
    var isVaried = false
    /// How many values are times, and how many stand for no time: 0 is one where others are times.
    var times = 0, nones = 0
    /// In which forms.
    var forms: [String] = []
    /// How many of the times name no zone.
    var withoutZone = 0
    var earliest: Timestamp?
    var latest: Timestamp?
    /// How many values are numbers, and how many of these are whole.
    var numbers = 0, wholes = 0
    /// How many values look like the name or the address of an object in storage.
    var objects = 0

    init(name: String) { self.name = name }

    /// How many values say something.
    var filled: Int { present - empty }
    /// Whether its values are times.
    var isTime: Bool { times > 0 && times * 5 >= (filled - nones) * 4 }
    /// Whether its values are numbers and no times.
    var isNumber: Bool { numbers > 0 && numbers * 10 >= filled * 9 && !isTime }
    /// Whether its values are objects in storage.
    var isObject: Bool { objects > 0 && objects * 5 >= filled * 4 }

    /// Adds the value of one record.
    mutating func add(_ value: String, at now: Timestamp, roles: FieldRole) {
        present += 1
        guard !value.isEmpty, value != "null" else {
            empty += 1
            return
        }
        if !roles.isQuantity { addTime(value, at: now) }
        if let number = Double(value), number.isFinite {
            numbers += 1
            if Int64(value) != nil { wholes += 1 }
        } else if ObjectNames.fits(value) {
            objects += 1
        }
        let text = value.utf8.count > Self.longestValue ? String(value.prefix(Self.longestValue)) + "…" : value
        if let place = values.firstIndex(where: { $0.text == text }) {
            values[place].count += 1
        } else if values.count < Self.mostValues {
            values.append((text, 1))
        } else {
            isVaried = true
        }
    }

    private mutating func addTime(_ value: String, at now: Timestamp) {
        switch TimeReading().read(value) {
        case .time(let time):
            // A number of so many digits may also be an id or an amount: a time of an application is near.
            let distance = now - time.timestamp
            guard distance < .seconds(20 * 365 * 86_400), distance > .seconds(-5 * 365 * 86_400) else { return }
            times += 1
            if time.isWithoutZone { withoutZone += 1 }
            let form = time.form.words
            if forms.count < 4, !forms.contains(form) { forms.append(form) }
            earliest = min(earliest ?? time.timestamp, time.timestamp)
            latest = max(latest ?? time.timestamp, time.timestamp)
        case .none: nones += 1
        case .unreadable: return
        }
    }
}

extension TimeForm {
    /// The form in words, for evidence.
    var words: String {
        switch self {
        case .unix(let unix):
            (unix.fractionDigits > 0 || unix.exponent != nil ? "fractional " : "") + "Unix \(unix.unit.rawValue)"
        case .iso8601: "ISO 8601"
        case .rfc2822: "RFC 2822"
        }
    }
}

/// What objects in storage are called.
enum ObjectNames {
    /// Whether a value is an address, or a path with an ending.
    static func fits(_ value: String) -> Bool {
        guard value.utf8.count <= 1_000, !value.contains(where: { $0.isWhitespace || "{}\"".contains($0) }) else {
            return false
        }
        if ["http://", "https://", "s3://", "gs://", "r2://"].contains(where: value.hasPrefix) { return true }
        guard let point = value.lastIndex(of: "."), value.contains("/") else { return false }
        let ending = value[value.index(after: point)...]
        return (2...5).contains(ending.count) && ending.allSatisfy { $0.isLetter || $0.isNumber }
            && ending.contains { $0.isLetter }
    }

    /// What an address has before the path: `https://cdn.example/`; nil for a path.
    static func origin(of value: String) -> String? {
        guard let scheme = value.firstRange(of: "://") else { return nil }
        guard let slash = value[scheme.upperBound...].firstIndex(of: "/") else { return nil }
        return String(value[...slash])
    }
}
