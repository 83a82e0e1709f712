internal import RedisClient

/// Prometheus' text format: metric families with help, type and samples.
///
/// Label values come from records and may contain anything. They are escaped scalar by scalar: Swift treats `"` with a
/// combining accent as one character, and `\r\n` as well, so a search by character would miss them.
struct PrometheusText: MetricsWriter {
    /// The text so far.
    private(set) var text = ""

    /// The most bytes of a label value.
    static let mostLabelBytes = 200

    /// Adds a family of counters or gauges; a family without samples is left out.
    ///
    /// Samples with equal labels are added up: Prometheus rejects duplicates.
    mutating func add(
        _ name: String, _ kind: MetricKind, _ help: String, _ samples: [(labels: MetricLabels, value: Double)]
    ) {
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

    /// Adds a family of histograms; a family without samples is left out.
    mutating func add(_ name: String, _ help: String, _ samples: [(labels: MetricLabels, histogram: Histogram)]) {
        guard !samples.isEmpty else { return }
        head(name, .histogram, help)
        let bounds = Histogram.bounds.map(Self.number)
        for (labels, histogram) in samples {
            var sum = 0
            for (bound, count) in zip(bounds, histogram.counts) {
                sum += count
                line(name + "_bucket", Self.written(labels + [("le", bound)]), Double(sum))
            }
            line(name + "_bucket", Self.written(labels + [("le", "+Inf")]), Double(histogram.count))
            line(name + "_sum", Self.written(labels), histogram.sum)
            line(name + "_count", Self.written(labels), Double(histogram.count))
        }
    }

    private mutating func head(_ name: String, _ kind: MetricKind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: String, _ value: Double) {
        text += "\(name)\(labels) \(Self.number(value))\n"
    }

    /// The labels after a name; empty if there are none.
    private static func written(_ labels: MetricLabels) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    /// A label value, escaped.
    ///
    /// Control characters are removed; a line feed becomes `\n`, as the format requires.
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

/// A histogram in seconds: counts of values by upper bound.
struct Histogram: Sendable {
    /// The upper bounds, from a cached answer to a run of full length.
    static let bounds: [Double] = [
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600,
    ]

    /// For each bound, the number of values between the previous bound and this one.
    private(set) var counts = [Int](repeating: 0, count: bounds.count)
    /// The number of all values, including those above the last bound.
    private(set) var count = 0
    /// The sum of all values.
    private(set) var sum = 0.0

    /// Adds a value.
    mutating func observe(_ seconds: Double) {
        if let place = Self.bounds.firstIndex(where: { seconds <= $0 }) { counts[place] += 1 }
        count += 1
        sum += seconds
    }

    /// Adds the values of another histogram.
    mutating func add(_ other: Histogram) {
        for place in counts.indices { counts[place] += other.counts[place] }
        count += other.count
        sum += other.sum
    }
}
