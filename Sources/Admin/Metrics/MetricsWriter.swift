/// The type of a family of metrics.
enum MetricKind: String {
    case counter, gauge, histogram
}

/// The labels of a sample, in output order.
typealias MetricLabels = [(name: String, value: String)]

/// A form in which metrics are written.
protocol MetricsWriter {
    /// Adds a family of counters or gauges; a family without samples is left out.
    ///
    /// Samples with equal labels are added up.
    mutating func add(
        _ name: String, _ kind: MetricKind, _ help: String, _ samples: [(labels: MetricLabels, value: Double)])

    /// Adds a family of histograms; a family without samples is left out.
    mutating func add(_ name: String, _ help: String, _ samples: [(labels: MetricLabels, histogram: Histogram)])
}
