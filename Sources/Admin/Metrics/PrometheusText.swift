internal import RedisClient

/// Prometheus' text format: families of samples, each with its help and its type.
///
/// The values of labels come from records and may hold anything. They are written scalar by scalar: to Swift `"` and a
/// combining accent are one character, and so are `\r\n`, so that nothing that works on characters finds them.
struct PrometheusText {
    /// What a family is.
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// The labels of a sample, in the order in which they are written.
    typealias Labels = [(name: String, value: String)]

    /// What has been written so far.
    private(set) var text = ""

    /// The most bytes of a label's value that are written.
    static let mostLabelBytes = 200

    /// Adds a family of plain numbers; one without samples is left out.
    ///
    /// Samples whose labels are written alike become one, their sum: two of the same name and labels are none to Prometheus.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: Labels, value: Double)]) {
        guard !samples.isEmpty else { return }
        head(name, kind, help)
        var places: [String: Int] = [:]
        var lines: [(labels: String, value: Double)] = []
        for sample in samples {
            let labels = Self.written(sample.labels)
            if let place = places[labels] {
                lines[place].value += sample.value
            } else {
                places[labels] = lines.count
                lines.append((labels, sample.value))
            }
        }
        for each in lines { line(name, each.labels, each.value) }
    }

    /// Adds a family of histograms; one without any is left out.
    mutating func add(_ name: String, _ help: String, _ samples: [(labels: Labels, histogram: Histogram)]) {
        guard !samples.isEmpty else { return }
        head(name, .histogram, help)
        for (labels, histogram) in samples {
            var sum = 0
            for (bound, count) in zip(Histogram.bounds, histogram.counts) {
                sum += count
                line(name + "_bucket", Self.written(labels + [("le", Self.number(bound))]), Double(sum))
            }
            line(name + "_bucket", Self.written(labels + [("le", "+Inf")]), Double(histogram.count))
            line(name + "_sum", Self.written(labels), histogram.sum)
            line(name + "_count", Self.written(labels), Double(histogram.count))
        }
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: String, _ value: Double) {
        text += "\(name)\(labels) \(Self.number(value))\n"
    }

    /// Labels as they stand behind a name; nothing where there are none.
    private static func written(_ labels: Labels) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    /// A label's value between its quotes: line ends and other control characters are taken out, but that a line ended is
    /// kept as the format writes it, `\n`.
    static func escaped(_ value: String) -> String {
        var text = ""
        var room = mostLabelBytes
        for scalar in value.readable.unicodeScalars {
            let piece: String
            switch scalar {
            case "\\": piece = "\\\\"
            case "\"": piece = "\\\""
            case "\n": piece = "\\n"
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}": continue
            default: piece = String(scalar)
            }
            room -= piece.utf8.count
            guard room >= 0 else { return text + "…" }
            text += piece
        }
        return text
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : String(value)
    }
}

/// How often values fell below each of some bounds, in seconds.
struct Histogram: Sendable {
    /// The bounds: from an answer out of memory to a run that takes its whole time.
    static let bounds: [Double] = [
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600,
    ]

    /// For each bound the values that fell below it and not below the one before.
    private(set) var counts = [Int](repeating: 0, count: bounds.count)
    /// All values, those above the last bound included.
    private(set) var count = 0
    /// Their sum.
    private(set) var sum = 0.0

    /// Counts a value.
    mutating func observe(_ seconds: Double) {
        if let place = Self.bounds.firstIndex(where: { seconds <= $0 }) { counts[place] += 1 }
        count += 1
        sum += seconds
    }
}
