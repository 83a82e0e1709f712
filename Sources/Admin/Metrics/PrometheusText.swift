/// Prometheus' text format: families of samples, each with its help and its type.
struct PrometheusText {
    /// What a family is.
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// The labels of a sample, in the order in which they are written.
    typealias Labels = [(name: String, value: String)]

    /// What has been written so far.
    private(set) var text = ""

    /// Adds a family of plain numbers; one without samples is left out.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: Labels, value: Double)]) {
        guard !samples.isEmpty else { return }
        head(name, kind, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    /// Adds a family of histograms; one without any is left out.
    mutating func add(_ name: String, _ help: String, _ samples: [(labels: Labels, histogram: Histogram)]) {
        guard !samples.isEmpty else { return }
        head(name, .histogram, help)
        for (labels, histogram) in samples {
            var sum = 0
            for (bound, count) in zip(Histogram.bounds, histogram.counts) {
                sum += count
                line(name + "_bucket", labels + [("le", Self.number(bound))], Double(sum))
            }
            line(name + "_bucket", labels + [("le", "+Inf")], Double(histogram.count))
            line(name + "_sum", labels, histogram.sum)
            line(name + "_count", labels, Double(histogram.count))
        }
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: Labels, _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// Label values come from Redis: types and ids may hold anything.
    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { [0x22, 0x5C, 0x0A].contains($0) }) else { return value }
        return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
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
